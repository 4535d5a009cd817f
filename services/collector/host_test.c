/* A made tree of /proc and /sys in a folder of the test's own. */
#define _GNU_SOURCE
#include "services/collector/host.h"

#include "libbus/base/file.h"
#include <ftw.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cmocka.h>

#define NONE (-1.0) /* absent */

/* cmocka's own compares floats. */
static void assert_near(double found, double expected, double most)
{
	if (!(fabs(found - expected) <= most))
		fail_msg("%f is not %f", found, expected);
}

struct scene {
	char root[64];
	struct host *host;
	struct bx_values values;
};

static void put(const struct scene *scene, const char *path, const char *text)
{
	char whole[256], folder[256];
	(void)snprintf(whole, sizeof whole, "%s/%s", scene->root, path);
	(void)snprintf(folder, sizeof folder, "%s", whole);
	*strrchr(folder, '/') = '\0';
	struct bx_error error = { 0 };
	if (!bx_folder_make(folder, 0700, &error))
		fail_msg("%s", error.message);
	FILE *file = fopen(whole, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int remove_one(const char *path, const struct stat *seen, int type, struct FTW *where)
{
	(void)seen, (void)type, (void)where;
	return remove(path);
}

static void put_interface(
	const struct scene *scene, const char *name, bool has_device, long received, long sent)
{
	static const char *const figures[] = { "statistics/rx_bytes", "statistics/tx_bytes",
		"statistics/rx_errors", "statistics/tx_errors", "operstate" };
	char path[128], number[24];
	for (size_t i = 0; i < BX_COUNT(figures); i++) {
		(void)snprintf(path, sizeof path, "sys/class/net/%s/%s", name, figures[i]);
		(void)snprintf(number, sizeof number, "%ld\n", i == 0 ? received : i == 1 ? sent : (long)i);
		put(scene, path, i == 4 ? "up\n" : number);
	}
	(void)snprintf(path, sizeof path, "sys/class/net/%s/device/vendor", name);
	if (has_device)
		put(scene, path, "0x8086\n");
}

static void read_at(struct scene *scene, int64_t ms)
{
	bx_values_init(&scene->values, BX_HOST, (struct bx_wall){ 1 });
	host_read(scene->host, (struct bx_mono){ ms }, &scene->values);
}

static double value_of(const struct scene *scene, enum bx_metric metric)
{
	double value;
	return bx_values_get(&scene->values, metric, &value) ? value : NONE;
}

static double part_of(const struct scene *scene, enum bx_metric metric, const char *part)
{
	double value;
	return bx_values_get_part(&scene->values, metric, part, &value) ? value : NONE;
}

static int set_up(void **state)
{
	struct scene *scene = bx_alloc(1, sizeof *scene);
	(void)snprintf(scene->root, sizeof scene->root, "/tmp/bx-host-XXXXXX");
	if (!mkdtemp(scene->root))
		return -1;
	scene->host = host_new(scene->root, scene->root);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	(void)nftw(scene->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	host_free(scene->host);
	free(scene);
	return 0;
}

static void a_share_of_the_cpu_needs_two_readings(void **state)
{
	struct scene *scene = *state;
	put(scene, "proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n");
	read_at(scene, 0);
	assert_near(value_of(scene, BX_CPU_USAGE), NONE, 0);

	/* 200 more: 30 user, 10 nice, 5 system, 145 idle, 5 waiting for a disk, 1 irq, 2 softirq, 2 stolen */
	put(scene, "proc/stat", "cpu  130 10 105 845 105 1 2 2 0 0\ncpu0 1 2 3\n");
	read_at(scene, 15000);
	assert_near(value_of(scene, BX_CPU_USAGE), 25, 1e-9);

	read_at(scene, 30000); /* the same figures again: no time has passed for the CPU */
	assert_near(value_of(scene, BX_CPU_USAGE), NONE, 0);
}

static void memory_is_what_is_available(void **state)
{
	struct scene *scene = *state;
	put(scene, "proc/meminfo",
		"MemTotal:        4000000 kB\nMemFree:          100000 kB\nMemAvailable:    3000000 kB\n"
		"SwapCached:            0 kB\nSwapTotal:        200000 kB\nSwapFree:         150000 kB\n");

	read_at(scene, 0);

	assert_near(value_of(scene, BX_MEMORY_TOTAL), 4000000.0 * 1024, 0);
	assert_near(value_of(scene, BX_MEMORY_AVAILABLE), 3000000.0 * 1024, 0);
	assert_near(value_of(scene, BX_MEMORY_USAGE), 25, 1e-9);
	assert_near(value_of(scene, BX_SWAP_USAGE), 25, 1e-9);
}

static void a_box_without_swap_has_no_swap_usage(void **state)
{
	struct scene *scene = *state;
	put(scene, "proc/meminfo",
		"MemTotal: 4000 kB\nMemAvailable: 3000 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
	read_at(scene, 0);
	assert_near(value_of(scene, BX_SWAP_USAGE), NONE, 0);
	assert_near(value_of(scene, BX_MEMORY_USAGE), 25, 1e-9);
}

static void load_processes_and_uptime(void **state)
{
	struct scene *scene = *state;
	put(scene, "proc/loadavg", "0.75 1.50 2.25 3/412 12345\n");
	put(scene, "proc/uptime", "86423.51 160000.00\n");

	read_at(scene, 0);

	assert_near(value_of(scene, BX_LOAD_AVERAGE), 0.75, 1e-9);
	assert_near(value_of(scene, BX_LOAD_AVERAGE_5M), 1.5, 1e-9);
	assert_near(value_of(scene, BX_LOAD_AVERAGE_15M), 2.25, 1e-9);
	assert_near(value_of(scene, BX_PROCESSES), 412, 0);
	assert_near(value_of(scene, BX_UPTIME), 86424, 0);
}

static void temperature_is_the_hottest_of_the_cpus_zones(void **state)
{
	struct scene *scene = *state;
	put(scene, "sys/class/thermal/thermal_zone0/type", "acpitz\n");
	put(scene, "sys/class/thermal/thermal_zone0/temp", "99000\n");
	put(scene, "sys/class/thermal/thermal_zone1/type", "cpu-thermal\n");
	put(scene, "sys/class/thermal/thermal_zone1/temp", "48312\n");
	put(scene, "sys/class/thermal/thermal_zone2/type", "x86_pkg_temp\n");
	put(scene, "sys/class/thermal/thermal_zone2/temp", "51000\n");
	put(scene, "sys/class/thermal/thermal_zone3/type", "cpu-2\n");
	put(scene, "sys/class/thermal/thermal_zone3/temp", "-274000\n");
	put(scene, "sys/class/thermal/thermal_zone4/type", "cpu-3\n"); /* and no temp */
	put(scene, "sys/class/thermal/thermal_zone5/type", "cpu-4\n");
	put(scene, "sys/class/thermal/thermal_zone5/temp", "255000\n");

	read_at(scene, 0);

	assert_near(value_of(scene, BX_TEMPERATURE), 51, 1e-9);
}

static void disk_is_of_the_file_system_where_the_database_will_be(void **state)
{
	struct scene *scene = *state;
	struct statvfs seen;
	char path[256];
	(void)snprintf(path, sizeof path, "%s/not/yet/there/bitaxe.db", scene->root);
	BX_OWNED(host_free) struct host *host = host_new(scene->root, path);
	bx_values_init(&scene->values, BX_HOST, (struct bx_wall){ 1 });

	host_read(host, (struct bx_mono){ 0 }, &scene->values);

	assert_int_equal(statvfs(scene->root, &seen), 0);
	double used = (double)(seen.f_blocks - seen.f_bfree);
	assert_near(value_of(scene, BX_DISK_USAGE), 100 * used / (used + (double)seen.f_bavail), 1);
}

static void what_cannot_be_read_is_absent(void **state)
{
	struct scene *scene = *state;
	for (int i = 0; i < 2; i++) {
		read_at(scene, 15000 * i);
		for (int metric = 0; metric < BX_METRIC_COUNT; metric++)
			if (metric != BX_DISK_USAGE && value_of(scene, (enum bx_metric)metric) != NONE)
				fail_msg("%s is %f", bx_catalog_row((enum bx_metric)metric)->name,
					value_of(scene, (enum bx_metric)metric));
		assert_int_equal(scene->values.part_count, 0);
	}
}

static void garbage_in_proc_is_absent(void **state)
{
	struct scene *scene = *state;
	put(scene, "proc/stat", "intr 1 2 3\n");
	put(scene, "proc/meminfo", "MemTotal:\nnothing\n");
	put(scene, "sys/class/thermal/thermal_zone0/type", "cpu\n");
	put(scene, "sys/class/thermal/thermal_zone0/temp", "");
	read_at(scene, 0);
	read_at(scene, 15000);
	assert_near(value_of(scene, BX_CPU_USAGE), NONE, 0);
	assert_near(value_of(scene, BX_MEMORY_USAGE), NONE, 0);
	assert_near(value_of(scene, BX_TEMPERATURE), NONE, 0);
}

static void rates_of_an_interface_need_two_readings(void **state)
{
	struct scene *scene = *state;
	put_interface(scene, "eth0", true, 1000, 2000);
	read_at(scene, 5000);
	assert_near(part_of(scene, BX_RECEIVE_RATE, "eth0"), NONE, 0);
	assert_near(part_of(scene, BX_INTERFACE_UP, "eth0"), 1, 0);
	assert_near(part_of(scene, BX_INTERFACE_ERRORS, "eth0"), 5, 0);

	put_interface(scene, "eth0", true, 16000, 2150);
	read_at(scene, 20000);
	assert_near(part_of(scene, BX_RECEIVE_RATE, "eth0"), 1000, 1e-9);
	assert_near(part_of(scene, BX_TRANSMIT_RATE, "eth0"), 10, 1e-9);

	put_interface(scene, "eth0", true, 10, 10); /* its driver was loaded anew */
	read_at(scene, 35000);
	assert_near(part_of(scene, BX_RECEIVE_RATE, "eth0"), NONE, 0);
	assert_near(part_of(scene, BX_TRANSMIT_RATE, "eth0"), NONE, 0);
}

static void an_interface_without_figures_has_none(void **state)
{
	struct scene *scene = *state;
	put(scene, "sys/class/net/eth0/device/vendor", "0x8086\n");
	put(scene, "sys/class/net/eth0/operstate", "unknown\n");
	read_at(scene, 0);
	read_at(scene, 15000);
	assert_int_equal(scene->values.part_count, 0);
	put(scene, "sys/class/net/eth0/operstate", "down\n");
	read_at(scene, 30000);
	assert_near(part_of(scene, BX_INTERFACE_UP, "eth0"), 0, 0);
}

static void a_thousand_interfaces_that_come_and_go_add_no_series(void **state)
{
	struct scene *scene = *state;
	put_interface(scene, "eth0", true, 1000, 2000);
	put_interface(scene, "lo", false, 1000, 2000);
	for (int i = 0; i < 1000; i++) {
		char name[24];
		(void)snprintf(name, sizeof name, "veth%d", i);
		put_interface(scene, name, false, 1, 1);
		if (i % 100 == 99)
			read_at(scene, 15000 * i);
	}

	assert_int_equal(scene->values.part_name_count, 1);
	assert_string_equal(scene->values.part_name[0], "eth0");
	assert_near(value_of(scene, BX_INTERFACES_LEFT_OUT), NONE, 0);
}

static void over_sixteen_interfaces_the_rest_is_counted(void **state)
{
	struct scene *scene = *state;
	for (int i = 0; i < 20; i++) {
		char name[24];
		(void)snprintf(name, sizeof name, "eth%02d", 19 - i); /* made in the other order */
		put_interface(scene, name, true, 1, 1);
	}
	read_at(scene, 0);
	read_at(scene, 15000);

	assert_int_equal(scene->values.part_name_count, HOST_INTERFACES_MAX);
	assert_near(value_of(scene, BX_INTERFACES_LEFT_OUT), 4, 0);
	assert_near(part_of(scene, BX_INTERFACE_UP, "eth00"), 1, 0);
	assert_near(part_of(scene, BX_INTERFACE_UP, "eth15"), 1, 0);
	assert_near(part_of(scene, BX_INTERFACE_UP, "eth16"), NONE, 0);
	assert_int_equal(scene->values.left_out, 0);
}

static void an_interface_that_is_pulled_is_gone(void **state)
{
	struct scene *scene = *state;
	char path[128];
	put_interface(scene, "usb0", true, 1000, 1000);
	read_at(scene, 0);
	(void)snprintf(path, sizeof path, "%s/sys/class/net/usb0", scene->root);
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	read_at(scene, 15000);
	assert_int_equal(scene->values.part_count, 0);

	put_interface(scene, "usb0", true, 5000, 5000); /* plugged in again: no rate over the gap */
	read_at(scene, 30000);
	assert_near(part_of(scene, BX_RECEIVE_RATE, "usb0"), NONE, 0);
}

static void reads_this_very_box(void **state)
{
	struct scene *scene = *state;
	BX_OWNED(host_free) struct host *host = host_new("", "/");
	bx_values_init(&scene->values, BX_HOST, (struct bx_wall){ 1 });
	host_read(host, (struct bx_mono){ 1000 }, &scene->values);
	assert_in_range((unsigned long)value_of(scene, BX_MEMORY_USAGE), 0, 100);
	assert_in_range((unsigned long)value_of(scene, BX_DISK_USAGE), 0, 100);
	assert_true(value_of(scene, BX_UPTIME) > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_share_of_the_cpu_needs_two_readings),
		TEST(memory_is_what_is_available),
		TEST(a_box_without_swap_has_no_swap_usage),
		TEST(load_processes_and_uptime),
		TEST(temperature_is_the_hottest_of_the_cpus_zones),
		TEST(disk_is_of_the_file_system_where_the_database_will_be),
		TEST(what_cannot_be_read_is_absent),
		TEST(garbage_in_proc_is_absent),
		TEST(rates_of_an_interface_need_two_readings),
		TEST(an_interface_without_figures_has_none),
		TEST(a_thousand_interfaces_that_come_and_go_add_no_series),
		TEST(over_sixteen_interfaces_the_rest_is_counted),
		TEST(an_interface_that_is_pulled_is_gone),
		TEST(reads_this_very_box),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
