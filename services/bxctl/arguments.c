#include "services/bxctl/arguments.h"

#include "libbus/base/text.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

int exit_code_of(enum bx_code code)
{
	switch (code) {
	case BX_OK:
		return EXIT_DONE;
	case BX_UNREACHABLE:
		return EXIT_UNREACHABLE;
	case BX_TIMED_OUT:
	case BX_LATE:
		return EXIT_TIMED_OUT;
	case BX_INVALID:
	case BX_MISSING:
	case BX_CONFLICT:
	case BX_BUSY:
	case BX_FULL:
	case BX_DENIED:
	case BX_FAILED:
		return EXIT_FAILED;
	}
	return EXIT_FAILED;
}

size_t arguments_of(const struct subcommand *subcommand, struct argument arguments[ARGUMENTS_MAX])
{
	size_t count = 0;
	if (!subcommand->answer) {
		for (; count < ARGUMENTS_MAX && subcommand->arguments[count].name; count++)
			arguments[count] = subcommand->arguments[count];
		return count;
	}
	const struct bx_verb_row *row = bx_verb_row(subcommand->verb);
	for (; count < BX_ARGUMENTS_MAX && row->arguments[count].name; count++) {
		const struct bx_verb_argument *from = &row->arguments[count];
		arguments[count] = (struct argument){ .name = from->name,
			.doc = from->doc,
			.kind = from->need == BX_NEEDED ? ARGUMENT_NEEDED : ARGUMENT_OPTION };
	}
	return count;
}

const char *request_value(const struct request *request, const char *name)
{
	struct argument arguments[ARGUMENTS_MAX];
	size_t count = arguments_of(request->subcommand, arguments);
	for (size_t i = 0; i < count; i++)
		if (strcmp(arguments[i].name, name) == 0)
			return request->values[i];
	return NULL;
}

/* --- reading --- */

static const char *const common[] = { "config", "json", "help", "version" };

struct reading {
	int argc, at;
	char *const *argv;
	const char *places[ARGUMENTS_MAX]; /* what stands by its place */
	size_t place_count;
	struct request *request;
	struct bx_error *error;
};

/* --name's value, behind '=' or the next word. */
static bool take_value(struct reading *reading, const char *name, size_t length, const char **value)
{
	if (name[length] == '=')
		*value = name + length + 1;
	else if (reading->at + 1 < reading->argc)
		*value = reading->argv[++reading->at];
	else
		return bx_fail(
			reading->error, BX_INVALID, "--%.*s needs a value behind it", (int)length, name);
	return true;
}

static bool take_flag(struct reading *reading, const char *name, size_t length, bool *on)
{
	*on = true;
	return name[length] == '\0' ||
		bx_fail(reading->error, BX_INVALID, "--%.*s takes no value", (int)length, name);
}

static bool is_named(const char *name, size_t length, const char *word)
{
	return strlen(word) == length && strncmp(name, word, length) == 0;
}

static bool complain_of_option(struct reading *reading, const char *name, size_t length)
{
	struct argument arguments[ARGUMENTS_MAX];
	size_t count = arguments_of(reading->request->subcommand, arguments);
	char typed[40];
	const char *nearest = NULL;
	unsigned least = 3; /* farther ones are no slip of the finger */
	(void)snprintf(typed, sizeof typed, "%.*s", (int)length, name);
	for (size_t i = 0; i < count + BX_COUNT(common); i++) {
		const char *known = i < count ? arguments[i].name : common[i - count];
		bool by_place = i < count && arguments[i].kind < ARGUMENT_OPTION;
		if (!by_place && bx_distance(typed, known) < least) {
			least = bx_distance(typed, known);
			nearest = known;
		}
	}
	return bx_fail(reading->error, BX_INVALID, "'%s' has no option --%s%s%s%s",
		reading->request->subcommand->words, typed, nearest ? "; did you mean --" : "",
		nearest ? nearest : "", nearest ? "?" : "");
}

static bool take_option(struct reading *reading, const char *name)
{
	struct request *request = reading->request;
	size_t length = strcspn(name, "=");
	if (is_named(name, length, "config"))
		return take_value(reading, name, length, &request->config);
	if (is_named(name, length, "json"))
		return take_flag(reading, name, length, &request->json);
	if (is_named(name, length, "help"))
		return take_flag(reading, name, length, &request->help);
	if (is_named(name, length, "version"))
		return take_flag(reading, name, length, &request->version);
	struct argument arguments[ARGUMENTS_MAX];
	size_t count = request->subcommand ? arguments_of(request->subcommand, arguments) : 0;
	for (size_t i = 0; i < count; i++) {
		bool given = false;
		if (arguments[i].kind < ARGUMENT_OPTION || !is_named(name, length, arguments[i].name))
			continue;
		if (arguments[i].kind == ARGUMENT_OPTION)
			return take_value(reading, name, length, &request->values[i]);
		request->values[i] = "";
		return take_flag(reading, name, length, &given);
	}
	if (!request->subcommand)
		return bx_fail(reading->error, BX_INVALID, "--%.*s stands before its command; put it behind",
			(int)length, name);
	return complain_of_option(reading, name, length);
}

/* The subcommand whose words stand here, the longest one; takes them. */
static bool take_words(struct reading *reading, const struct subcommand *subcommands)
{
	const char *word = reading->argv[reading->at];
	const char *next = reading->at + 1 < reading->argc ? reading->argv[reading->at + 1] : "";
	char both[80];
	const struct subcommand *row = NULL, *nearest = NULL;
	unsigned least = 3;
	(void)snprintf(both, sizeof both, "%.38s %.38s", word, next);
	for (const struct subcommand *each = subcommands; each->words; each++) {
		bool two = strchr(each->words, ' ') != NULL;
		unsigned distance = bx_distance(two ? both : word, each->words);
		if (distance == 0 && (!row || two))
			row = each;
		if (distance < least) {
			least = distance;
			nearest = each;
		}
	}
	if (!row)
		return bx_fail(reading->error, BX_INVALID, "there is no command '%.38s'%s%s%s", word,
			nearest ? "; did you mean '" : "", nearest ? nearest->words : "",
			nearest ? "'?" : "");
	reading->at += strchr(row->words, ' ') != NULL;
	reading->request->subcommand = row;
	return true;
}

static bool place_values(struct reading *reading)
{
	struct request *request = reading->request;
	struct argument arguments[ARGUMENTS_MAX];
	size_t count = arguments_of(request->subcommand, arguments), place = 0;
	for (size_t i = 0; i < count; i++) {
		if (arguments[i].kind >= ARGUMENT_OPTION)
			continue;
		if (place < reading->place_count)
			request->values[i] = reading->places[place++];
		else if (arguments[i].kind == ARGUMENT_NEEDED && !request->help)
			return bx_fail(reading->error, BX_INVALID, "'%s' needs its %s: %s",
				request->subcommand->words, arguments[i].name, arguments[i].doc);
	}
	return place == reading->place_count ||
		bx_fail(reading->error, BX_INVALID, "'%.60s' is too much for '%s'", reading->places[place],
			request->subcommand->words);
}

bool arguments_read(int argc, char *const *argv, const struct subcommand *subcommands,
	struct request *request, struct bx_error *error)
{
	struct reading reading = { .argc = argc, .argv = argv, .request = request, .error = error };
	bool options_end = false;
	*request = (struct request){ 0 };
	for (reading.at = 1; reading.at < argc; reading.at++) {
		const char *word = argv[reading.at];
		bool taken = true;
		if (!options_end && strcmp(word, "--") == 0)
			options_end = true;
		else if (!options_end && strncmp(word, "--", 2) == 0)
			taken = take_option(&reading, word + 2);
		else if (!request->subcommand)
			taken = take_words(&reading, subcommands);
		else if (reading.place_count < ARGUMENTS_MAX)
			reading.places[reading.place_count++] = word;
		else
			taken = bx_fail(error, BX_INVALID, "too many arguments");
		if (!taken)
			return false;
	}
	if (request->subcommand)
		return place_values(&reading);
	return request->help || request->version || bx_fail(error, BX_INVALID, "which command?");
}

/* --- help --- */

static const char *help_of(const struct subcommand *subcommand)
{
	return subcommand->help ? subcommand->help : bx_verb_row(subcommand->verb)->help;
}

static void print_usage(const struct subcommand *subcommand, struct bx_text *text)
{
	struct argument arguments[ARGUMENTS_MAX];
	size_t count = arguments_of(subcommand, arguments);
	bx_text_say(text, subcommand->words);
	for (size_t i = 0; i < count; i++) {
		char upper[40];
		(void)bx_text_copy(upper, sizeof upper, arguments[i].name); /* ours, short */
		for (char *at = upper; *at; at++)
			*at = (char)toupper((unsigned char)*at);
		switch (arguments[i].kind) {
		case ARGUMENT_NEEDED:
			bx_text_print(text, " %s", upper);
			break;
		case ARGUMENT_BY_PLACE:
			bx_text_print(text, " [%s]", upper);
			break;
		case ARGUMENT_OPTION:
			bx_text_print(text, " [--%s %s]", arguments[i].name, upper);
			break;
		case ARGUMENT_FLAG:
			bx_text_print(text, " [--%s]", arguments[i].name);
			break;
		}
	}
}

static const char common_help[] =
	"\nEvery command knows\n"
	"  --config FILE  the configuration; else $BITAXE_CONFIG, /etc/bitaxe/monitoring.conf, or that of the\n"
	"                 `bxctl up` that runs\n"
	"  --json         the answer as JSON\n"
	"  --help         what it does and takes\n"
	"  --version\n"
	"Exit: 0 done, 1 failed, 2 wrong arguments, 3 no broker, 4 no answer in time.\n";

void arguments_print(const struct subcommand *subcommands)
{
	(void)printf("bxctl: the Bitaxe monitoring suite from the command line\n\n");
	for (const struct subcommand *each = subcommands; each->words; each++)
		(void)printf("  bxctl %-16s %s\n", each->words, help_of(each));
	(void)fputs(common_help, stdout);
}

void arguments_print_one(const struct subcommand *subcommand)
{
	struct argument arguments[ARGUMENTS_MAX];
	size_t count = arguments_of(subcommand, arguments);
	BX_TEXT_OWNED struct bx_text usage;
	bx_text_init(&usage, 1000);
	print_usage(subcommand, &usage);
	(void)printf("bxctl %s\n\n%s\n", usage.data, help_of(subcommand));
	for (size_t i = 0; i < count; i++)
		(void)printf("%s  %s%-*s  %s\n", i == 0 ? "\n" : "",
			arguments[i].kind < ARGUMENT_OPTION ? "" : "--",
			arguments[i].kind < ARGUMENT_OPTION ? 12 : 10, arguments[i].name, arguments[i].doc);
	(void)fputs(common_help, stdout);
}
