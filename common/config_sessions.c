/* config_sessions.c: sessions: where the checkpoints of training sessions lie, for how long, and how this site verifies. */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/config_read.h"
#include "common/size.h"

#define KEEP_DEFAULT (72 * 3600)
#define KEEP_MAX (366LL * 86400)
#define ROOM_DEFAULT (1ull << 40)

/* A whole number and its unit: "72h", "3d", "259200s". */
static aic_code read_keep(const aic_yaml_node *map, int64_t *keep, aic_error *err)
{
	static const struct { char unit; int64_t seconds; } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char text[32] = "", *end;
	aic_code code = aic_yaml_get_text(map, "keep", text, sizeof text, err);

	if (code != AIC_OK || text[0] == '\0')
		return code;
	long long n = strtoll(text, &end, 10);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (end != text && text[0] >= '0' && text[0] <= '9' && end[0] == units[i].unit && end[1] == '\0' && n <= KEEP_MAX / units[i].seconds) {
			*keep = n * units[i].seconds;
			return AIC_OK;
		}
	}
	return aic_yaml_fail(aic_yaml_get(map, "keep"), err, "\"keep: %s\" must be a whole number with its unit, up to a year: write 72h or 3d", text);
}

static aic_code read_verify(aic_sessions_config *s, const aic_yaml_node *map, aic_error *err)
{
	const struct { const char *key; char *out; } names[] = {
		{"partition", s->verify_partition}, {"account", s->verify_account}, {"qos", s->verify_qos},
	};
	const aic_yaml_node *verify;
	aic_code code = aic_config_section(map, "verify", AIC_YAML_MAP, &verify, err);

	s->verify = verify != NULL;
	for (size_t i = 0; code == AIC_OK && i < sizeof names / sizeof names[0]; i++) {
		code = aic_yaml_get_text(verify, names[i].key, names[i].out, AIC_NAME_LEN, err);
		if (code == AIC_OK && names[i].out[0] != '\0')
			code = aic_config_check_name(aic_yaml_get(verify, names[i].key), names[i].key, names[i].out, err);
	}
	return code == AIC_OK ? aic_yaml_unknown(verify, err) : code;
}

aic_code aic_config_sessions(aic_config *c, const aic_yaml_node *root, aic_error *err)
{
	aic_sessions_config *s = &c->sessions;
	char room[64] = "";
	const aic_yaml_node *map;
	aic_code code = aic_config_section(root, "sessions", AIC_YAML_MAP, &map, err);

	s->keep = KEEP_DEFAULT;
	s->room = ROOM_DEFAULT;
	if (code == AIC_OK)
		code = aic_config_path(map, "store", s->store, err);
	if (code == AIC_OK)
		code = read_keep(map, &s->keep, err);
	if (code == AIC_OK)
		code = aic_yaml_get_text(map, "room", room, sizeof room, err);
	if (code == AIC_OK && room[0] != '\0' && aic_size_parse(&s->room, room, NULL) != AIC_OK)
		return aic_yaml_fail(aic_yaml_get(map, "room"), err, "\"room: %s\" is no size: write 200GiB or 1.5TiB", room);
	if (code == AIC_OK)
		code = read_verify(s, map, err);
	return code == AIC_OK ? aic_yaml_unknown(map, err) : code;
}
