/* html_look.c: report.css and report.js inside the program, line by line as the build turned them into C. */
#include "accounting/page/html.h"

#include "accounting/page/html_look.inc"

static void put_lines(aic_bytes *out, const char *const *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		aic_bytes_append_str(out, line[i]);
}

void aic_html_style(aic_bytes *out)
{
	put_lines(out, style_lines, sizeof(style_lines) / sizeof(style_lines[0]));
}

void aic_html_script(aic_bytes *out)
{
	put_lines(out, script_lines, sizeof(script_lines) / sizeof(script_lines[0]));
}
