#include "cli/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The variables of one case: "NAME=value". */
static const char *const *variables;

static const char *get(const char *name)
{
	size_t len = strlen(name);
	for (const char *const *v = variables; *v; v++)
		if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
			return *v + len + 1;
	return NULL;
}

struct place {
	const char *variables[6];
	const char *hosts;      /* separated by blanks */
	const char *ancestor;   /* one of them; NULL: there are none */
	const char *proxied_at; /* "": none */
	const char *way;        /* "name: how" of the first; NULL: there is none */
};

static void check(const struct place *place)
{
	struct environment found;
	struct buf hosts = BUF_INIT;
	struct buf way = BUF_INIT;
	variables = place->variables;
	environment_find(get, &found);
	for (size_t i = 0; i < found.host_count; i++)
		buf_printf(&hosts, "%s%s", i ? " " : "", found.hosts[i]);
	assert_string_equal(buf_slice(&hosts).data, place->hosts);
	assert_int_equal(found.ancestors.len != 0, place->ancestor != NULL);
	if (place->ancestor)
		assert_non_null(strstr(found.ancestors.data, place->ancestor));
	assert_string_equal(buf_slice(&found.proxied_at).data, place->proxied_at);
	if (found.ways.len)
		buf_printf(&way, "%s: %s", found.ways.data, found.ways.data + strlen(found.ways.data) + 1);
	assert_string_equal(buf_slice(&way).data, place->way ? place->way : "");
	buf_fini(&hosts);
	buf_fini(&way);
	environment_fini(&found);
}

static void knows_places(void **state)
{
	(void)state;
	static const struct place places[] = {
		{{"HOME=/root", "TERM=xterm"}, "", NULL, "", NULL},
		{{"COLAB_RELEASE_TAG=release-colab_20250909", "COLAB_JUPYTER_IP=172.28.0.12",
			 "JPY_PARENT_PID=80"},
			"*-{port}-colab.googleusercontent.com {port}-*.prod.colab.dev 172.28.0.12",
			"https://colab.research.google.com", "",
			"Google Colab: in a cell: from google.colab import output; "
			"output.serve_kernel_port_as_iframe({port})"},
		{{"CODESPACES=true", "CODESPACE_NAME=fuzzy-owl-7x", "VSCODE_IPC_HOOK_CLI=/tmp/x.sock",
			 "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN=app.github.dev"},
			"fuzzy-owl-7x-{port}.app.github.dev", "https://fuzzy-owl-7x.github.dev", "",
			"GitHub Codespaces: https://fuzzy-owl-7x-{port}.app.github.dev"},
		{{"CODESPACES=true", "CODESPACE_NAME=a; frame-ancestors *"}, "", NULL, "", NULL},
		{{"VSCODE_IPC_HOOK_CLI=/tmp/x.sock", "TERM_PROGRAM=vscode"}, "", "vscode-webview:", "",
			"VS Code: forward port {port} in the Ports view"},
		{{"TERM_PROGRAM=vscode"}, "", "vscode-webview:", "", NULL},
		{{"VSCODE_PROXY_URI=https://{{port}}--main--ws--ada.apps.example.com/"},
			"{port}--main--ws--ada.apps.example.com", "vscode-webview:", "",
			"VS Code: https://{port}--main--ws--ada.apps.example.com/"},
		{{"VSCODE_PROXY_URI=https://code.example.com:8443/proxy/{{port}}/"}, "code.example.com",
			"vscode-webview:", "", "VS Code: https://code.example.com:8443/proxy/{port}/"},
		{{"VSCODE_PROXY_URI=./proxy/{{port}}"}, "", "vscode-webview:", "", NULL},
		{{"JUPYTERHUB_SERVICE_PREFIX=/user/ada/", "JPY_PARENT_PID=7"}, "", NULL,
			"/user/ada/proxy/{port}", "Jupyter: /user/ada/proxy/{port}/ by jupyter-server-proxy"},
		{{"JUPYTERHUB_SERVICE_PREFIX=/user/ada/",
			 "JUPYTERHUB_PUBLIC_URL=https://hub.example.org/user/ada/"},
			"hub.example.org", NULL, "/user/ada/proxy/{port}",
			"Jupyter: https://hub.example.org/user/ada/proxy/{port}/ by jupyter-server-proxy"},
		{{"JUPYTER_SERVER_URL=http://lab-3:8888/"}, "lab-3", NULL, "",
			"Jupyter: http://lab-3:8888/proxy/{port}/ by jupyter-server-proxy"},
		{{"JPY_PARENT_PID=7"}, "", NULL, "", "Jupyter: /proxy/{port}/ by jupyter-server-proxy"},
		{{"JUPYTERHUB_SERVICE_PREFIX=/"}, "", NULL, "",
			"Jupyter: /proxy/{port}/ by jupyter-server-proxy"},
		{{"JUPYTER_SERVER_URL=http://a b/"}, "", NULL, "",
			"Jupyter: http://a b/proxy/{port}/ by jupyter-server-proxy"},
	};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		check(&places[i]);
}

static void fills_in_the_port(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	environment_put(&out, "a{port}b{port}", 80);
	assert_string_equal(out.data, "a80b80");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_places),
		cmocka_unit_test(fills_in_the_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
