// The plain live page. Data goes one way: the WebSocket fills `state`, draw() shows it. Units, labels and decimals are the
// catalogue's; text from outside is only ever textContent. Absent is a dash.

const PAUSE_FIRST_MS = 500;
const PAUSE_MOST_MS = 4000;
const QUIET_MS = 90000; // the gateway itself says its figures every minute: more silence is a dead connection
const OLD_S = 60;
const ABSENT = "—";

const FLEET = ["hashrate", "power", "efficiency", "earned_percentage", "active_miners", "enabled_miners"];
const HOST = ["cpu_usage", "memory_usage", "disk_usage", "temperature", "load_average"];
// a column each; a second name stands below the first, which gives the label
const MINER = [["hashrate"], ["efficiency"], ["asic_temperature"], ["vr_temperature"], ["fan_speed", "fan_rpm"], ["power"]];

let rows = new Map(); // "miner/hashrate" to its row of the catalogue
let state = new Map(); // topic to payload
let heardAt = new Map(); // topic to when it came, for values that carry no time
let ahead = 0; // how far this clock is ahead of the gateway's, in ms
let answered = false; // the gateway has, once
let bus = false;
let lostSince = null;
let lastHeard = 0;
let attempts = 0;
let socket = null;
let retry = 0;

const at = (path) => new URL(path, document.baseURI);
const byId = (id) => document.getElementById(id);

// --- words ---

function ageOf(topic) {
	const time = Date.parse(state.get(topic)?.time ?? "");
	const ms = Number.isNaN(time) ? Date.now() - heardAt.get(topic) : Date.now() - ahead - time;
	return Number.isNaN(ms) ? null : Math.max(0, Math.round(ms / 1000));
}

function ageWords(seconds) {
	if (seconds < 90) return `${seconds} s ago`;
	if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
	if (seconds < 172800) return `${Math.round(seconds / 3600)} h ago`;
	return `${Math.round(seconds / 86400)} days ago`;
}

function valueWords(row, value) {
	if (value === undefined || value === null) return ABSENT;
	if (typeof value === "number")
		return value.toLocaleString("en", { minimumFractionDigits: row.decimals, maximumFractionDigits: row.decimals });
	return typeof value === "boolean" ? (value ? "yes" : "no") : String(value).replaceAll("_", " ");
}

// --- drawing ---

function make(parent, tag, className) {
	const element = document.createElement(tag);
	if (className) element.className = className;
	parent.append(element);
	return element;
}

function set(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

// A value with its unit, and, where asked for, its age. Made once, then only its texts change.
function show(place, row, value, seconds, withAge) {
	if (!place.firstChild) {
		make(place, "span", "value");
		make(place, "span", "unit");
		if (withAge) make(place, "span", "age");
	}
	const [number, unit, age] = place.children;
	const known = value !== undefined && value !== null;
	const old = known && seconds !== null && seconds >= OLD_S;
	set(number, known || !place.previousElementSibling?.dataset.name ? valueWords(row, value) : ""); // one dash a cell
	set(unit, known && row.unit ? `\u202f${row.unit}` : "");
	number.classList.toggle("old", old);
	if (age) set(age, known && seconds !== null ? ageWords(seconds) : "");
}

function drawFigures(list, scope, names, topic) {
	const seconds = ageOf(topic);
	names.forEach((name, index) => {
		const row = rows.get(`${scope}/${name}`);
		if (!row) return;
		let figure = list.children[index];
		if (!figure) {
			figure = make(list, "div");
			figure.dataset.name = name;
			make(figure, "dt");
			make(figure, "dd");
		}
		set(figure.firstChild, row.label);
		show(figure.lastChild, row, state.get(topic)?.[name], seconds, true);
	});
}

function minerLabel(name) {
	return rows.get(`miner/${name}`)?.label ?? name;
}

function drawHeads() {
	const heads = byId("heads");
	if (heads.firstChild) return;
	for (const label of ["Name", "State", ...MINER.map(([name]) => minerLabel(name))]) {
		const head = make(heads, "th");
		head.scope = "col";
		head.textContent = label;
	}
}

function minerState(id, config) {
	if (config.enabled === false) return "not watched";
	const availability = state.get(`miner/${id}/availability`);
	return availability === "online" ? "answers" : availability === "offline" ? "silent" : ABSENT;
}

function drawMiner(line, id, config) {
	if (!line.firstChild) {
		line.dataset.id = id;
		make(line, "th").scope = "row";
		make(line, "td");
		for (const names of MINER) {
			const cell = make(line, "td");
			cell.dataset.label = minerLabel(names[0]);
			for (const name of names) make(cell, "div").dataset.name = name;
		}
	}
	const [title, presence, ...cells] = line.children;
	const telemetry = state.get(`miner/${id}/telemetry`);
	const seconds = ageOf(`miner/${id}/telemetry`);
	const words = minerState(id, config);
	set(title, config.name || id);
	set(presence, words);
	presence.classList.toggle("silent", words === "silent");
	for (const place of cells.flatMap((cell) => [...cell.children])) {
		const { name } = place.dataset;
		const row = rows.get(`miner/${name}`);
		if (row) show(place, row, telemetry?.[name], seconds, name === "hashrate");
	}
}

function drawMiners() {
	const miners = [];
	for (const [topic, payload] of state) {
		const [kind, id, what] = topic.split("/");
		if (kind === "miner" && what === "config") miners.push([id, payload]);
	}
	miners.sort(([a, one], [b, other]) => (one.name || a).localeCompare(other.name || b, "en", { numeric: true }));
	byId("miners").hidden = miners.length === 0;
	byId("none").hidden = miners.length > 0;
	drawHeads();
	const body = byId("rows");
	const lines = new Map([...body.children].map((line) => [line.dataset.id, line]));
	miners.forEach(([id, config], index) => {
		const line = lines.get(id) ?? document.createElement("tr");
		lines.delete(id);
		drawMiner(line, id, config);
		if (body.children[index] !== line) body.insertBefore(line, body.children[index] ?? null);
	});
	for (const line of lines.values()) line.remove();
}

function drawSentence() {
	const summary = state.get("health/summary");
	const judged = summary && state.get("service/health/availability") === "online";
	document.body.dataset.status = judged ? summary.overall_status : "UNKNOWN";
	if (judged) set(byId("sentence"), summary.sentence);
	else if (answered) set(byId("sentence"), "Nobody judges this yet: the health service does not run.");
}

function drawLine() {
	const ages = [...state.keys()].filter((topic) => topic.endsWith("/telemetry")).map(ageOf);
	const newest = ages.length > 0 ? Math.min(...ages.filter((age) => age !== null)) : Infinity;
	const value = Number.isFinite(newest) ? `newest value ${ageWords(newest)}` : "no value yet";
	let words = `Live, ${value}.`;
	if (lostSince) words = `Connection lost since ${lostSince.toLocaleTimeString("en-GB")}; ${value}.`;
	else if (!answered) words = "Nothing has been heard yet.";
	else if (!bus) words = `The gateway does not reach the bus; ${value}.`;
	set(byId("now"), words);
	document.body.classList.toggle("lost", lostSince !== null || (answered && !bus));
}

function draw() {
	drawLine();
	if (rows.size === 0 || !answered) return;
	drawSentence();
	drawFigures(byId("fleet"), "fleet", FLEET, "fleet/telemetry");
	drawMiners();
	drawFigures(byId("host"), "host", HOST, "host/telemetry");
}

let drawn = 0;
function drawSoon() {
	if (!drawn)
		drawn = setTimeout(() => {
			drawn = 0;
			draw();
		}, 50);
}

function beat() {
	byId("dot").classList.add("beat");
	setTimeout(() => byId("dot").classList.remove("beat"), 150);
}

// --- the connection ---

async function readCatalog() {
	const answer = await fetch(at("monitoring/api/catalog"));
	if (!answer.ok) throw new Error(`the catalogue: ${answer.status}`);
	const { metrics } = await answer.json();
	const read = new Map();
	for (const row of metrics)
		if (!row.part) for (const scope of row.scopes) read.set(`${scope}/${row.name}`, row);
	rows = read;
}

function onMessage({ data }) {
	const message = JSON.parse(data);
	if (message.snapshot) {
		state = new Map();
		heardAt = new Map();
	}
	if (message.time) ahead = Date.now() - Date.parse(message.time);
	answered = true;
	bus = message.connected;
	lostSince = null;
	attempts = 0;
	lastHeard = Date.now();
	for (const [topic, payload] of Object.entries(message.state)) {
		if (payload === null) state.delete(topic);
		else state.set(topic, payload);
		heardAt.set(topic, Date.now());
	}
	beat();
	drawSoon();
}

function onClose() {
	lostSince ??= new Date();
	const pause = Math.min(PAUSE_FIRST_MS * 2 ** attempts++, PAUSE_MOST_MS) * (0.75 + Math.random() / 4);
	clearTimeout(retry);
	retry = setTimeout(connect, pause);
	draw();
}

async function connect() {
	clearTimeout(retry);
	try {
		await readCatalog();
	} catch {
		onClose();
		return;
	}
	const url = at("monitoring/ws");
	url.protocol = url.protocol.replace("http", "ws");
	socket = new WebSocket(url);
	lastHeard = Date.now();
	socket.onmessage = onMessage;
	socket.onclose = onClose;
}

setInterval(() => {
	if (socket?.readyState === WebSocket.OPEN && Date.now() - lastHeard > QUIET_MS) socket.close();
	draw();
}, 1000);
connect();
