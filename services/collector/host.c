#include "services/collector/host.h"

#include "libbus/base/file.h"
#include "libbus/base/memory.h"
#include "libbus/base/text.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct interface {
	char name[BX_PART_NAME_SIZE];
	double received, sent; /* -1: not there */
};

struct host {
	char *root, *disk;
	double cpu_busy, cpu_all;
	struct bx_mono read_at; /* of interfaces; 0: not yet */
	struct interface interfaces[HOST_INTERFACES_MAX];
	size_t interface_count;
};

struct host *host_new(const char *root, const char *disk)
{
	struct host *host = bx_alloc(1, sizeof *host);
	host->root = bx_copy(root);
	host->disk = bx_copy(disk);
	return host;
}

void host_free(struct host *host)
{
	if (!host)
		return;
	free(host->root);
	free(host->disk);
	free(host);
}

/* A file below the root, or NULL: then what it tells is absent. */
static char *slurp(const struct host *host, const char *path)
{
	char whole[512];
	size_t size;
	(void)snprintf(whole, sizeof whole, "%s%s", host->root, path);
	return bx_file_read(whole, 256 * 1024, &size, NULL);
}

static void read_cpu(struct host *host, struct bx_values *values)
{
	BX_OWNED(free) char *stat = slurp(host, "/proc/stat");
	double part[8] = { 0 }, all = 0; /* user nice system idle iowait irq softirq steal, proc(5) */
	char *at = stat && strncmp(stat, "cpu ", 4) == 0 ? stat + 4 : NULL;
	if (!at)
		return;
	for (size_t i = 0; i < BX_COUNT(part); i++) {
		part[i] = strtod(at, &at);
		all += part[i];
	}
	double busy = all - part[3] - part[4];
	if (host->cpu_all > 0 && all > host->cpu_all)
		bx_values_set(values, BX_CPU_USAGE, 100 * (busy - host->cpu_busy) / (all - host->cpu_all));
	host->cpu_busy = busy;
	host->cpu_all = all;
}

/* "Name:   123 kB" in bytes; -1: not there. */
static double read_kilobytes(const char *text, const char *name)
{
	const char *found = strstr(text, name);
	return found ? 1024 * strtod(found + strlen(name), NULL) : -1;
}

static void read_memory(const struct host *host, struct bx_values *values)
{
	BX_OWNED(free) char *text = slurp(host, "/proc/meminfo");
	if (!text)
		return;
	double total = read_kilobytes(text, "MemTotal:"), available = read_kilobytes(text, "MemAvailable:");
	double swap = read_kilobytes(text, "SwapTotal:"), swap_free = read_kilobytes(text, "SwapFree:");
	if (total > 0 && available >= 0) {
		bx_values_set(values, BX_MEMORY_TOTAL, total);
		bx_values_set(values, BX_MEMORY_AVAILABLE, available);
		bx_values_set(values, BX_MEMORY_USAGE, 100 * (total - available) / total);
	}
	if (swap > 0 && swap_free >= 0)
		bx_values_set(values, BX_SWAP_USAGE, 100 * (swap - swap_free) / swap);
}

static void read_load(const struct host *host, struct bx_values *values)
{
	static const enum bx_metric loads[] = { BX_LOAD_AVERAGE, BX_LOAD_AVERAGE_5M, BX_LOAD_AVERAGE_15M };
	BX_OWNED(free) char *text = slurp(host, "/proc/loadavg");
	char *at = text;
	for (size_t i = 0; at && i < BX_COUNT(loads); i++)
		bx_values_set(values, loads[i], strtod(at, &at));
	char *slash = at ? strchr(at, '/') : NULL;
	if (slash)
		bx_values_set(values, BX_PROCESSES, strtod(slash + 1, NULL));
	BX_OWNED(free) char *uptime = slurp(host, "/proc/uptime");
	if (uptime)
		bx_values_set(values, BX_UPTIME, strtod(uptime, NULL));
}

/* Used of what an unprivileged writer can use, as df shows it. */
static void read_disk(const struct host *host, struct bx_values *values)
{
	BX_OWNED(free) char *path = bx_copy(host->disk);
	struct statvfs seen;
	while (statvfs(path[0] ? path : "/", &seen) != 0) {
		char *slash = strrchr(path, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
	double used = (double)(seen.f_blocks - seen.f_bfree), free_blocks = (double)seen.f_bavail;
	if (used + free_blocks > 0)
		bx_values_set(values, BX_DISK_USAGE, 100 * used / (used + free_blocks));
}

/* The hottest of the CPU's zones: a Raspberry Pi calls its "cpu-thermal", a PC "x86_pkg_temp". */
static void read_temperature(const struct host *host, struct bx_values *values)
{
	double hottest = -1;
	for (int zone = 0; zone < 32; zone++) {
		char path[64];
		(void)snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/type", zone);
		BX_OWNED(free) char *type = slurp(host, path);
		if (!type)
			break;
		if (!strstr(type, "cpu") && !strstr(type, "x86_pkg") && !strstr(type, "soc") &&
			!strstr(type, "CPU"))
			continue;
		(void)snprintf(path, sizeof path, "/sys/class/thermal/thermal_zone%d/temp", zone);
		BX_OWNED(free) char *degrees = slurp(host, path);
		double value = degrees ? strtod(degrees, NULL) / 1000 : -1;
		if (value > hottest && value < 150)
			hottest = value;
	}
	if (hottest > 0)
		bx_values_set(values, BX_TEMPERATURE, hottest);
}

static int compare_names(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* Names in /sys/class/net with a device behind them, sorted; the caller's. */
static size_t list_interfaces(const struct host *host, char ***names)
{
	char path[512];
	size_t count = 0;
	*names = NULL;
	(void)snprintf(path, sizeof path, "%s/sys/class/net", host->root);
	DIR *folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));) {
		(void)snprintf(path, sizeof path, "%s/sys/class/net/%s/device", host->root, entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK) != 0)
			continue;
		*names = bx_grow(*names, count + 1, sizeof **names);
		(*names)[count++] = bx_copy(entry->d_name);
	}
	if (folder)
		(void)closedir(folder);
	if (count > 0)
		qsort(*names, count, sizeof **names, compare_names);
	return count;
}

/* -1: not there. */
static double read_figure(const struct host *host, const char *interface, const char *figure)
{
	char path[256];
	(void)snprintf(path, sizeof path, "/sys/class/net/%s/%s", interface, figure);
	BX_OWNED(free) char *text = slurp(host, path);
	return text ? strtod(text, NULL) : -1;
}

static const struct interface *find_before(const struct host *host, const char *name)
{
	for (size_t i = 0; i < host->interface_count; i++)
		if (strcmp(host->interfaces[i].name, name) == 0)
			return &host->interfaces[i];
	return NULL;
}

static struct interface read_interface(
	const struct host *host, const char *name, struct bx_mono now, struct bx_values *values)
{
	struct interface seen = { .received = read_figure(host, name, "statistics/rx_bytes"),
		.sent = read_figure(host, name, "statistics/tx_bytes") };
	(void)bx_text_copy(seen.name, sizeof seen.name, name); /* IFNAMSIZ is 16 */
	double bad_in = read_figure(host, name, "statistics/rx_errors"),
	       bad_out = read_figure(host, name, "statistics/tx_errors");
	const struct interface *before = find_before(host, name);
	double seconds = (double)(now.ms - host->read_at.ms) / 1000;
	bool is_known = before && before->received >= 0 && before->sent >= 0 && seconds > 0;
	if (is_known && seen.received >= before->received && seen.sent >= before->sent) {
		bx_values_set_part(
			values, BX_RECEIVE_RATE, name, (seen.received - before->received) / seconds);
		bx_values_set_part(values, BX_TRANSMIT_RATE, name, (seen.sent - before->sent) / seconds);
	}
	if (bad_in >= 0 && bad_out >= 0)
		bx_values_set_part(values, BX_INTERFACE_ERRORS, name, bad_in + bad_out);
	char path[128];
	(void)snprintf(path, sizeof path, "/sys/class/net/%s/operstate", name);
	BX_OWNED(free) char *state = slurp(host, path);
	if (state && strncmp(state, "unknown", 7) != 0)
		bx_values_set_part(values, BX_INTERFACE_UP, name, strncmp(state, "up", 2) == 0);
	return seen;
}

static void read_interfaces(struct host *host, struct bx_mono now, struct bx_values *values)
{
	char **names;
	size_t count = list_interfaces(host, &names), kept = 0;
	struct interface seen[HOST_INTERFACES_MAX];
	for (size_t i = 0; i < count; i++) {
		if (kept < HOST_INTERFACES_MAX && strlen(names[i]) < BX_PART_NAME_SIZE)
			seen[kept++] = read_interface(host, names[i], now, values);
		free(names[i]);
	}
	free(names);
	if (count > kept)
		bx_values_set(values, BX_INTERFACES_LEFT_OUT, (double)(count - kept));
	memcpy(host->interfaces, seen, kept * sizeof *seen);
	host->interface_count = kept;
	host->read_at = now;
}

void host_read(struct host *host, struct bx_mono now, struct bx_values *values)
{
	read_cpu(host, values);
	read_memory(host, values);
	read_load(host, values);
	read_disk(host, values);
	read_temperature(host, values);
	read_interfaces(host, now, values);
}
