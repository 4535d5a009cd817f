#include "services/bxctl/broker.h"

#include "embedded_conf.h"
#include "libbus/base/file.h"
#include "libbus/base/json.h"
#include "libbus/contract/print.h"
#include "libbus/run/child.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { SECRET_BYTES = 16, PATH_SIZE = 512 };

bool broker_program(const char *name, char *path, size_t size)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin" };
	for (size_t i = 0; i < BX_COUNT(folders); i++) {
		(void)snprintf(path, size, "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static bool make_secret(const char *path, struct bx_error *error)
{
	unsigned char random[SECRET_BYTES];
	char text[2 * SECRET_BYTES + 2];
	if (access(path, F_OK) == 0)
		return true; /* once and for all */
	if (getrandom(random, sizeof random, 0) != sizeof random)
		return bx_fail(error, BX_FAILED, "the kernel gives no random bytes");
	for (size_t i = 0; i < SECRET_BYTES; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", random[i]);
	memcpy(text + 2 * SECRET_BYTES, "\n", 2);
	bool made = bx_file_replace(path, text, strlen(text), 0600, error);
	explicit_bzero(random, sizeof random);
	explicit_bzero(text, sizeof text);
	return made;
}

/* A line "role:password" each, for mosquitto_passwd to hash: passwords never stand in a command line. */
static bool make_secrets(const char *folder, struct bx_text *plain, struct bx_error *error)
{
	for (const char *const *role = bx_roles; *role; role++) {
		char path[PATH_SIZE];
		size_t size;
		(void)snprintf(path, sizeof path, "%s/%s", folder, *role);
		if (!make_secret(path, error))
			return false;
		char *secret = bx_file_read(path, 127, &size, error);
		if (!secret)
			return false;
		secret[strcspn(secret, "\r\n")] = '\0';
		bx_text_print(plain, "%s:%s\n", *role, secret);
		explicit_bzero(secret, size);
		free(secret);
	}
	return true;
}

struct hashing {
	struct bx_loop *loop;
	char said[160];
	int code, number;
};

static void on_line(void *arg, const char *line)
{
	struct hashing *hashing = arg;
	bx_clean(hashing->said, sizeof hashing->said, line);
}

static void on_end(void *arg, int code, int number)
{
	struct hashing *hashing = arg;
	hashing->code = code;
	hashing->number = number;
	bx_loop_stop(hashing->loop);
}

static bool hash(const char *path, struct bx_error *error)
{
	char program[PATH_SIZE];
	static const char *const environment[] = { NULL };
	if (!broker_program("mosquitto_passwd", program, sizeof program))
		return bx_fail(
			error, BX_MISSING, "there is no mosquitto_passwd; install the package mosquitto");
	const char *const argv[] = { program, "-U", path, NULL };
	BX_OWNED(bx_loop_free) struct bx_loop *loop = bx_loop_new();
	struct hashing hashing = { .loop = loop };
	struct bx_child_options options = {
		.argv = argv, .environment = environment, .arg = &hashing, .said = on_line, .ended = on_end
	};
	BX_OWNED(bx_child_free) struct bx_child *child = bx_child_new(loop, &options, error);
	if (!child)
		return false;
	bx_loop_run(loop);
	return (hashing.code == 0 && hashing.number == 0) ||
		bx_fail(error, BX_FAILED, "mosquitto_passwd failed: %s",
			hashing.said[0] ? hashing.said : "without a word");
}

static bool make_passwords(const char *folder, struct bx_error *error)
{
	char aside[PATH_SIZE], path[PATH_SIZE], secrets[PATH_SIZE];
	(void)snprintf(secrets, sizeof secrets, "%s/secrets", folder);
	(void)snprintf(path, sizeof path, "%s/passwd", folder);
	(void)snprintf(aside, sizeof aside, "%s/passwd.plain", folder);
	BX_TEXT_OWNED struct bx_text plain;
	bx_text_init(&plain, 4096); /* fits: five roles */
	bool made = bx_folder_make(secrets, 0700, error) && make_secrets(secrets, &plain, error) &&
		bx_file_replace(aside, plain.data, plain.length, 0600, error);
	explicit_bzero(plain.data, plain.length);
	made = made && hash(aside, error);
	if (made && rename(aside, path) != 0)
		made = bx_fail(error, BX_FAILED, "%s cannot be renamed", aside);
	if (!made)
		(void)unlink(aside); /* where it is there */
	return made;
}

/* The template's @NAME@ by their values. */
static void fill(
	const char *template, const struct bx_config *config, const char *folder, struct bx_text *text)
{
	const struct {
		const char *name, *value;
	} marks[] = { { "@BUS@", bx_config_text(config, BX_KEY_BUS) },
		{ "@BUS_PORT@", bx_config_text(config, BX_KEY_BUS_PORT) }, { "@FOLDER@", folder } };
	while (*template) {
		size_t step = 1;
		const char *value = NULL;
		for (size_t i = 0; i < BX_COUNT(marks); i++) {
			if (strncmp(template, marks[i].name, strlen(marks[i].name)) != 0)
				continue;
			value = marks[i].value;
			step = strlen(marks[i].name);
		}
		if (value)
			bx_text_say(text, value);
		else
			bx_text_add(text, template, 1);
		template += step;
	}
}

bool broker_make(const struct bx_config *config, const char *folder, struct bx_error *error)
{
	char path[PATH_SIZE];
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 64 * 1024);
	if (!bx_folder_make(folder, 0700, error) || !make_passwords(folder, error))
		return false;

	bx_print_acl(&text, bx_config_text(config, BX_KEY_SITE));
	(void)snprintf(path, sizeof path, "%s/acl", folder);
	if (text.cut || !bx_file_replace(path, text.data, text.length, 0600, error))
		return false;

	bx_text_clear(&text);
	fill(embedded_conf, config, folder, &text);
	(void)snprintf(path, sizeof path, "%s/mosquitto.conf", folder);
	return bx_file_replace(path, text.data, text.length, 0600, error);
}
