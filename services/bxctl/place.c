#define _GNU_SOURCE
#include "services/bxctl/place.h"

#include "libbus/base/file.h"
#include "services/bxctl/port.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char user_name[] = "bitaxe";

static bool complain(struct bx_text *problems, const char *words)
{
	bx_text_print(problems, "%s\n", words);
	return false;
}

bool place_find(struct place *place, const char *config, bool demo, struct bx_text *problems)
{
	BX_TEXT_OWNED struct bx_text folder;
	bx_text_init(&folder, PLACE_PATH_SIZE - 1);
	*place = (struct place){ .demo = demo, .own_config = !config || demo };
	if (config) {
		BX_OWNED(bx_config_free) struct bx_config *read = bx_config_read(config, problems);
		if (!read)
			return false;
		bx_text_say(&folder, bx_config_text(read, BX_KEY_STATE_DIR));
	} else if (geteuid() == 0) {
		bx_text_say(&folder, "/var/lib/bitaxe");
	} else {
		const char *home = getenv("HOME");
		if (!home || home[0] != '/')
			return complain(problems, "HOME is not set; name a configuration by --config");
		bx_text_print(&folder, "%s/.local/state/bitaxe", home);
	}
	if (demo)
		bx_text_say(&folder, "-demo");
	/* the socket's name has to fit sun_path, unix(7) */
	if (folder.cut || folder.length + strlen("/bus.sock") > 107) {
		bx_text_print(problems,
			"%s: too long for the socket in it, whose path has at most 107 bytes; name a "
			"configuration with a shorter STATE_DIR by --config\n",
			folder.data);
		return false;
	}
	(void)bx_text_copy(place->folder, sizeof place->folder, folder.data); /* fits, see above */
	if (place->own_config)
		(void)snprintf(place->config, sizeof place->config, "%s/monitoring.conf", place->folder);
	else if (!bx_text_copy(place->config, sizeof place->config, config))
		return complain(problems, "the configuration's path is too long");
	return true;
}

static bool become_user(const struct passwd *user, struct bx_error *error)
{
	if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
		return bx_fail(error, BX_DENIED, "becoming user %s: %s", user_name, strerror(errno));
	if (setuid(0) == 0)
		return bx_fail(error, BX_DENIED, "root's rights did not go away");
	return true;
}

/* Only where nothing of ours is in it yet may root change whose it is: what is inside would stay as it is. */
static bool give_folder(const char *path, const struct passwd *user, struct bx_error *error)
{
	struct stat seen;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool given = fd >= 0 && fstat(fd, &seen) == 0 && (seen.st_uid == 0 || seen.st_uid == user->pw_uid) &&
		fchown(fd, user->pw_uid, user->pw_gid) == 0 && fchmod(fd, 0700) == 0;
	int why = fd >= 0 && !given && errno == 0 ? EPERM : errno;
	if (fd >= 0)
		(void)close(fd); /* a folder: nothing was written */
	return given ||
		bx_fail(error, BX_FAILED, "%s cannot be given to user %s: %s", path, user_name,
			strerror(why));
}

bool place_enter(const struct place *place, struct bx_error *error)
{
	(void)umask(077);
	if (!bx_folder_make(place->folder, geteuid() == 0 ? 0755 : 0700, error))
		return false;
	if (geteuid() != 0)
		return access(place->folder, W_OK) == 0 ||
			bx_fail(error, BX_DENIED, "%s: not ours to write; run as its owner, or as root",
				place->folder);
	const struct passwd *user = getpwnam(user_name);
	if (!user)
		return bx_fail(error, BX_MISSING,
			"root starts the suite as user %s, and there is none: useradd --system --home-dir %s --shell "
			"/usr/sbin/nologin %s (deploy/up does it)",
			user_name, place->folder, user_name);
	errno = 0;
	return give_folder(place->folder, user, error) && become_user(user, error) &&
		(setenv("HOME", place->folder, 1) == 0 || bx_fail(error, BX_FAILED, "no memory for HOME"));
}

/* --- monitoring.conf --- */

static const struct demo_key {
	enum bx_key key;
	const char *value, *why;
} demo_keys[] = {
	{ BX_KEY_CLOCK_WAIT, "0", "simulated miners need no synchronised clock" },
	{ BX_KEY_STORAGE_COMMIT_INTERVAL, "10", "history at once; a real box spares its SD card" },
	{ BX_KEY_MINER_POLL_INTERVAL, "2", "simulated miners do not tire" },
	{ BX_KEY_METRICS_COLLECTION_INTERVAL, "5", "a chart within a minute" },
};

static void print_own_config(const struct place *place, struct bx_text *text)
{
	bx_text_print(text,
		"# Configuration of the embedded run, made by `bxctl up%s`; change it as you like.\n"
		"# All keys with their defaults: bxctl config defaults. After a change: bxctl test\n\n"
		"# Broker, services and all they keep live here.\n"
		"STATE_DIR='%s'\n"
		"BUS='%s/bus.sock'\n\n"
		"# Ports on this box; `bxctl up` takes the next free one where another program has it.\n"
		"BUS_PORT=%d\n"
		"WEB_LISTEN=127.0.0.1:%d\n",
		place->demo ? " --demo" : "", place->folder, place->folder, port_next_free("127.0.0.1", 1883),
		5000);
	for (size_t i = 0; place->demo && i < BX_COUNT(demo_keys); i++)
		bx_text_print(text, "\n# A demo: %s.\n%s=%s\n", demo_keys[i].why,
			bx_key_row(demo_keys[i].key)->name, demo_keys[i].value);
}

bool place_make_config(const struct place *place, struct bx_error *error)
{
	if (access(place->config, F_OK) == 0)
		return true;
	if (strpbrk(place->folder, "'\n"))
		return bx_fail(
			error, BX_INVALID, "%s: no quotes, please, in the folder's name", place->folder);
	BX_TEXT_OWNED struct bx_text text;
	bx_text_init(&text, 8000); /* fits: paths are bounded */
	print_own_config(place, &text);
	return bx_file_replace(place->config, text.data, text.length, 0600, error);
}

void place_change_text(const char *before, const char *name, const char *value, struct bx_text *after)
{
	size_t length = strlen(name);
	bool changed = false;
	while (*before) {
		size_t line = strcspn(before, "\n"), whole = line + (before[line] == '\n');
		if (line > length && strncmp(before, name, length) == 0 && before[length] == '=') {
			if (!changed)
				bx_text_print(after, "%s=%s\n", name, value);
			changed = true;
		} else {
			bx_text_add(after, before, whole);
		}
		before += whole;
	}
	if (changed)
		return;
	if (after->length > 0 && after->data[after->length - 1] != '\n')
		bx_text_add(after, "\n", 1);
	bx_text_print(after, "%s=%s\n", name, value);
}

bool place_change(const struct place *place, enum bx_key key, const char *value, struct bx_error *error)
{
	size_t size;
	BX_OWNED(free) char *before = bx_file_read(place->config, BX_CONFIG_BYTES_MAX, &size, error);
	if (!before)
		return false;
	BX_TEXT_OWNED struct bx_text after;
	bx_text_init(&after, BX_CONFIG_BYTES_MAX);
	place_change_text(before, bx_key_row(key)->name, value, &after);
	return !after.cut && bx_file_replace(place->config, after.data, after.length, 0600, error);
}

/* --- the one run --- */

static void lock_path(const char *folder, char *path, size_t size)
{
	(void)snprintf(path, size, "%s/up.lock", folder);
}

int place_lock(const struct place *place, struct bx_error *error)
{
	char path[PLACE_PATH_SIZE + 16];
	lock_path(place->folder, path, sizeof path);
	return bx_file_lock(path, error);
}

pid_t place_runner(const char *folder)
{
	char path[PLACE_PATH_SIZE + 16], text[16] = "";
	int64_t pid = 0;
	lock_path(folder, path, sizeof path);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	if (held && read(fd, text, sizeof text - 1) > 0) {
		text[strcspn(text, "\n")] = '\0';
		if (!bx_parse_integer(text, 2, INT32_MAX, &pid))
			pid = 0;
	}
	(void)close(fd); /* lets go of a lock that we may have got */
	return (pid_t)pid;
}
