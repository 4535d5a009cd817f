#include "libbus/run/secret.h"

#include "libbus/base/file.h"
#include <stdio.h>
#include <string.h>

bool bx_secret_read(const struct bx_config *config, const char *role, char password[BX_SECRET_SIZE],
	struct bx_error *error)
{
	char path[512];
	struct bx_error why;
	size_t size;
	(void)snprintf(path, sizeof path, "%s/%s", bx_config_text(config, BX_KEY_BUS_SECRETS), role);
	BX_OWNED(free) char *text = bx_file_read(path, BX_SECRET_SIZE - 1, &size, &why);
	password[0] = '\0';
	if (!text && why.code == BX_MISSING)
		return true;
	if (!text)
		return bx_fail(error, why.code, "the broker's password: %s", why.message);
	text[strcspn(text, "\r\n")] = '\0';
	return bx_text_copy(password, BX_SECRET_SIZE, text);
}
