/* bx-simulator: N miners of the Bitaxe family, each at its own loopback address. README.md tells the rest. */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "device.h"
#include "ledger.h"
#include "loop.h"
#include "server.h"

enum { SAMPLES_MAX = 64, EXIT_USAGE = 2, EXIT_MANNERS = 3 };

static const char usage[] =
	"usage: bx-simulator --port PORT [--bodies DIR] [--log FILE] [--seed N] [--reboot-ms N]\n"
	"       --device ADDRESS=SAMPLE[,mac=AA:BB:CC:DD:EE:FF][,uptime=S] ...\n"
	"       --fleet N=SAMPLE@FIRST_ADDRESS ...\n";

static const struct option options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "bodies", required_argument, NULL, 'b' },
	{ "log", required_argument, NULL, 'l' },
	{ "seed", required_argument, NULL, 's' },
	{ "reboot-ms", required_argument, NULL, 'r' },
	{ "device", required_argument, NULL, 'd' },
	{ "fleet", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* A device that was asked for; samples are read when all options are known. */
struct wish {
	uint32_t address;
	char sample[64];
	char mac[18];
	int64_t uptime_s;
};

struct setup {
	const char *bodies, *log;
	long port, seed, reboot_ms;
	bool wants_help;
	struct wish *wishes;
	size_t wish_count;
	struct body *samples[SAMPLES_MAX];
	size_t sample_count;
	struct device *devices;
};

static bool read_number(
	const char *name, const char *text, long low, long high, long *number, struct complaint *complaint)
{
	char *end;
	errno = 0;
	long read = strtol(text, &end, 10);
	if (!*text || *end || errno != 0 || read < low || read > high)
		return complain(complaint, "%s '%.40s' is no number from %ld to %ld", name, text, low, high);
	*number = read;
	return true;
}

static bool read_address(const char *text, uint32_t *address, struct complaint *complaint)
{
	struct in_addr parsed;
	if (inet_pton(AF_INET, text, &parsed) != 1)
		return complain(complaint, "'%.40s' is no IPv4 address; write 127.x.y.z", text);
	*address = ntohl(parsed.s_addr);
	if (*address >> 24 != 127 || (*address & 0xffffff) == 0 || (*address & 0xffffff) == 0xffffff)
		return complain(complaint,
			"address %.40s is not a loopback one; take 127.0.0.1 to 127.255.255.254", text);
	return true;
}

static bool add_wish(struct setup *setup, const struct wish *wish, struct complaint *complaint)
{
	if (setup->wish_count == DEVICES_MAX)
		return complain(complaint, "more than %d devices; start a second simulator", DEVICES_MAX);
	setup->wishes[setup->wish_count++] = *wish;
	return true;
}

static bool read_sample(struct wish *wish, const char *name, struct complaint *complaint)
{
	if (!*name || strlen(name) >= sizeof(wish->sample))
		return complain(complaint, "'%.80s' is no name of a sample; see bodies/", name);
	(void)snprintf(wish->sample, sizeof(wish->sample), "%s", name);
	return true;
}

/* ADDRESS=SAMPLE[,mac=...][,uptime=...] */
static bool read_device(struct setup *setup, char *text, struct complaint *complaint)
{
	struct wish wish = { .uptime_s = -1 };
	char *sample = strchr(text, '=');
	if (!sample)
		return complain(complaint, "--device '%.80s': write ADDRESS=SAMPLE", text);
	*sample++ = '\0';
	char *detail = strchr(sample, ',');
	if (detail)
		*detail++ = '\0';
	if (!read_address(text, &wish.address, complaint) || !read_sample(&wish, sample, complaint))
		return false;
	while (detail) {
		char *next = strchr(detail, ',');
		if (next)
			*next++ = '\0';
		long uptime = 0;
		if (strncmp(detail, "mac=", 4) == 0 && mac_is_valid(detail + 4)) {
			(void)snprintf(wish.mac, sizeof(wish.mac), "%s", detail + 4);
		} else if (strncmp(detail, "uptime=", 7) == 0) {
			if (!read_number("uptime", detail + 7, 0, INT32_MAX, &uptime, complaint))
				return false;
			wish.uptime_s = uptime;
		} else {
			return complain(complaint,
				"--device %s: '%.40s' is neither mac=AA:BB:CC:DD:EE:FF nor uptime=S", text,
				detail);
		}
		detail = next;
	}
	return add_wish(setup, &wish, complaint);
}

/* N=SAMPLE@FIRST_ADDRESS; each gets a MAC of its address, 02:00 and four bytes. */
static bool read_fleet(struct setup *setup, char *text, struct complaint *complaint)
{
	struct wish wish = { .uptime_s = -1 };
	char *sample = strchr(text, '=');
	char *address = sample ? strchr(sample, '@') : NULL;
	if (!address)
		return complain(complaint, "--fleet '%.80s': write N=SAMPLE@FIRST_ADDRESS", text);
	*sample++ = '\0';
	*address++ = '\0';
	long count = 0;
	if (!read_number("--fleet", text, 1, DEVICES_MAX, &count, complaint) ||
		!read_sample(&wish, sample, complaint) || !read_address(address, &wish.address, complaint))
		return false;
	for (long i = 0; i < count; i++, wish.address++) {
		if (wish.address >= 0x7fffffff)
			return complain(
				complaint, "--fleet of %ld from %s leaves 127.0.0.0/8", count, address);
		(void)snprintf(wish.mac, sizeof(wish.mac), "02:00:%02X:%02X:%02X:%02X",
			wish.address >> 24 & 255, wish.address >> 16 & 255, wish.address >> 8 & 255,
			wish.address & 255);
		if (!add_wish(setup, &wish, complaint))
			return false;
	}
	return true;
}

static bool read_options(struct setup *setup, int argc, char **argv, struct complaint *complaint)
{
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		bool is_right = true;
		switch (option) {
		case 'p':
			is_right = read_number("--port", optarg, 0, UINT16_MAX, &setup->port, complaint);
			break;
		case 'b':
			setup->bodies = optarg;
			break;
		case 'l':
			setup->log = optarg;
			break;
		case 's':
			is_right = read_number("--seed", optarg, 0, INT32_MAX, &setup->seed, complaint);
			break;
		case 'r':
			is_right =
				read_number("--reboot-ms", optarg, 0, 600000, &setup->reboot_ms, complaint);
			break;
		case 'd':
			is_right = read_device(setup, optarg, complaint);
			break;
		case 'f':
			is_right = read_fleet(setup, optarg, complaint);
			break;
		case 'h':
			setup->wants_help = true;
			return true;
		default:
			return complain(complaint, "see bx-simulator --help");
		}
		if (!is_right)
			return false;
	}
	if (optind < argc)
		return complain(complaint, "'%.80s' is no option; see bx-simulator --help", argv[optind]);
	if (setup->port < 0 || setup->wish_count == 0)
		return complain(
			complaint, "--port and a --device or --fleet are needed; see bx-simulator --help");
	return true;
}

static const struct body *take_sample(struct setup *setup, const char *name, struct complaint *complaint)
{
	for (size_t i = 0; i < setup->sample_count; i++) {
		if (strcmp(setup->samples[i]->name, name) == 0)
			return setup->samples[i];
	}
	if (setup->sample_count == SAMPLES_MAX) {
		complain(complaint, "more than %d different samples", SAMPLES_MAX);
		return NULL;
	}
	struct body *body = body_load(setup->bodies, name, complaint);
	if (body)
		setup->samples[setup->sample_count++] = body;
	return body;
}

static int by_address(const void *left, const void *right)
{
	const struct wish *a = left, *b = right;
	return (a->address > b->address) - (a->address < b->address);
}

static bool make_devices(struct setup *setup, struct complaint *complaint)
{
	if (!device_routes_load(setup->bodies, complaint))
		return false;
	assert(setup->wish_count > 0); /* read_options saw to it */
	setup->devices = calloc(setup->wish_count, sizeof(*setup->devices));
	if (!setup->devices)
		abort();
	qsort(setup->wishes, setup->wish_count, sizeof(*setup->wishes), by_address);
	for (size_t i = 0; i < setup->wish_count; i++) {
		const struct wish *wish = &setup->wishes[i];
		const struct body *body = take_sample(setup, wish->sample, complaint);
		if (!body)
			return false;
		device_init(&setup->devices[i], wish->address, body, wish->mac, (uint64_t)setup->seed,
			wish->uptime_s, now_ms());
		if (i > 0 && wish[-1].address == wish->address)
			return complain(complaint, "two devices at %s", setup->devices[i].name);
	}
	return true;
}

static void setup_done(struct setup *setup)
{
	for (size_t i = 0; setup->devices && i < setup->wish_count; i++)
		device_done(&setup->devices[i]);
	for (size_t i = 0; i < setup->sample_count; i++)
		body_free(setup->samples[i]);
	device_routes_free();
	free(setup->devices);
	free(setup->wishes);
}

static int serve(struct setup *setup, struct complaint *complaint)
{
	struct ledger ledger;
	if (!ledger_open(&ledger, setup->log, complaint))
		return EXIT_USAGE;
	const struct server_options server_options = {
		.devices = setup->devices,
		.device_count = setup->wish_count,
		.ledger = &ledger,
		.port = (uint16_t)setup->port,
		.reboot_ms = setup->reboot_ms,
	};
	struct server *server = server_open(&server_options, complaint);
	if (!server) {
		ledger_close(&ledger);
		return EXIT_USAGE;
	}
	struct control control = { .server = server,
		.ledger = &ledger,
		.devices = setup->devices,
		.device_count = setup->wish_count };
	(void)printf("ready %u\n", server_port(server));
	(void)fflush(stdout);
	bool has_ended = server_run(server, control_line, &control, complaint);
	server_close(server);
	ledger_close(&ledger);

	(void)fprintf(stderr, "bx-simulator: %zu devices, %lu requests, manners: ", setup->wish_count,
		ledger.requests);
	ledger_write_manners(&ledger, stderr);
	(void)fputc('\n', stderr);
	if (!has_ended)
		return EXIT_FAILURE;
	complaint->text[0] = '\0';
	return ledger.offences ? EXIT_MANNERS : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct setup setup = { .bodies = BODIES_DIRECTORY, .port = -1, .seed = 1, .reboot_ms = 3000 };
	struct complaint complaint = { 0 };
	int status = EXIT_USAGE;

	setup.wishes = calloc(DEVICES_MAX, sizeof(*setup.wishes));
	if (!setup.wishes)
		abort();
	if (read_options(&setup, argc, argv, &complaint)) {
		if (setup.wants_help) {
			(void)fputs(usage, stdout);
			status = EXIT_SUCCESS;
		} else if (make_devices(&setup, &complaint)) {
			status = serve(&setup, &complaint);
		}
	}
	if (*complaint.text)
		(void)fprintf(stderr, "bx-simulator: %s\n", complaint.text);
	setup_done(&setup);
	return status;
}
