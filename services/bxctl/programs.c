#include "services/bxctl/programs.h"

#include "libbus/base/text.h"
#include "services/bxctl/broker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct program programs[PROGRAM_COUNT] = {
	{ "broker", "mosquitto", STAGE_BROKER, PROGRAM_BROKER },
	{ "storage", "bitaxe-storage", STAGE_STORAGE, PROGRAM_SERVICE },
	{ "collector", "bitaxe-collector", STAGE_PUBLISHER, PROGRAM_SERVICE },
	{ "health", "bitaxe-health", STAGE_PUBLISHER, PROGRAM_SERVICE },
	{ "gateway", "bitaxe-gateway", STAGE_PUBLISHER, PROGRAM_SERVICE },
	{ "simulator", "bx-simulator", STAGE_PUBLISHER, PROGRAM_SIMULATOR },
};

bool programs_home(char *folder, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", folder, size - 1);
	if (length <= 0)
		return false;
	folder[length] = '\0';
	char *slash = strrchr(folder, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

bool program_folder(const char *name, const char *home, const char *libexec, char *path, size_t size)
{
	static const struct {
		const char *name, *place;
		bool lent; /* beside the programs, by --libexec */
	} places[] = {
		{ "dist", "dist", true }, { "bodies", "bodies", true },
		{ "dist", "../share/bitaxe/web", false },
		{ "dist", "../../../../web/dist", false }, /* CLONE/build/PRESET/services/bxctl */
	};
	for (size_t i = 0; i < BX_COUNT(places); i++) {
		char whole[PROGRAM_PATH_SIZE];
		if (strcmp(places[i].name, name) != 0 || places[i].lent != (libexec != NULL))
			continue;
		(void)snprintf(whole, sizeof whole, "%s/%s", libexec ? libexec : home, places[i].place);
		BX_OWNED(free) char *real = realpath(whole, NULL);
		if (real && bx_text_copy(path, size, real))
			return true;
	}
	return false;
}

bool program_find(
	const struct program *program, const char *home, const char *libexec, char *path, size_t size)
{
	if (program->kind == PROGRAM_BROKER)
		return broker_program(program->file, path, size);
	const char *place = libexec ? libexec : home;
	const struct {
		const char *under, *folder;
	} places[] = {
		{ "", "" },
		{ "/../libexec/bitaxe", "" }, /* PREFIX/bin/bxctl */
		{ "/../", program->name }, /* BUILD/services/bxctl/bxctl */
		{ "/../../tests/", program->name },
	};
	for (size_t i = 0; i < (libexec ? 1 : BX_COUNT(places)); i++) {
		char whole[PROGRAM_PATH_SIZE];
		(void)snprintf(whole, sizeof whole, "%s%s%s/%s", place, places[i].under, places[i].folder,
			program->file);
		BX_OWNED(free) char *real = access(whole, X_OK) == 0 ? realpath(whole, NULL) : NULL;
		if (real && bx_text_copy(path, size, real))
			return true;
	}
	return false;
}
