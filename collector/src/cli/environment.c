#include "cli/environment.h"

#include <ctype.h>
#include <stdlib.h>

/* The windows of VS Code's desktop program and of vscode.dev; the page it shows lies in a webview in them. */
static const char vscode_ancestors[] =
	"vscode-webview: vscode-file: https://vscode.dev https://*.vscode-cdn.net";

static bool is_set(environment_get *get, const char *name)
{
	const char *value = get(name);
	return value && *value;
}

static const char *value_of(environment_get *get, const char *name)
{
	const char *value = get(name);
	return value ? value : "";
}

/* ---- adding ---- */

/* What a name may hold, and {port} in it. */
static bool is_host(struct slice host)
{
	for (size_t i = 0; i < host.len; i++)
		if (!isalnum((unsigned char)host.data[i]) && !strchr("-._{}", host.data[i]))
			return false;
	return host.len > 0 && host.len <= 253;
}

static void add_pattern(struct environment *out, struct slice pattern)
{
	char *copy = out->host_count < ENVIRONMENT_HOSTS_MAX ? strndup(pattern.data, pattern.len) : NULL;
	if (copy)
		out->hosts[out->host_count++] = copy;
}

static void add_host(struct environment *out, struct slice host)
{
	if (is_host(host))
		add_pattern(out, host);
}

static void add_ancestors(struct environment *out, const char *sources)
{
	if (out->ancestors.data && strstr(out->ancestors.data, sources))
		return;
	buf_printf(&out->ancestors, "%s%s", out->ancestors.len ? " " : "", sources);
}

static void add_way(struct environment *out, const char *name, const char *how)
{
	buf_append(&out->ways, name, strlen(name) + 1);
	buf_append(&out->ways, how, strlen(how) + 1);
}

/* The host of "https://host:port/path", without its port; empty for what is no such address. */
static struct slice host_of(const char *url)
{
	const char *from = strncmp(url, "https://", 8) == 0  ? url + 8
			   : strncmp(url, "http://", 7) == 0 ? url + 7
							     : "";
	size_t len = strcspn(from, "/?#");
	const char *colon = memchr(from, ':', len);
	return (struct slice){from, colon ? (size_t)(colon - from) : len};
}

/* ---- the places ---- */

/* The addresses that google.colab.kernel.proxyPort gives are of either form. A frame of ours lies in the
 * output's frame (googleusercontent.com), and that in the notebook's page. */
static void find_colab(environment_get *get, struct environment *out)
{
	if (!is_set(get, "COLAB_RELEASE_TAG") && !is_set(get, "COLAB_BACKEND_VERSION") &&
		!is_set(get, "COLAB_JUPYTER_IP"))
		return;
	add_pattern(out, SLICE_LIT("*-{port}-colab.googleusercontent.com"));
	add_pattern(out, SLICE_LIT("{port}-*.prod.colab.dev"));
	add_host(out, slice_of(value_of(get, "COLAB_JUPYTER_IP")));
	add_ancestors(out,
		"https://colab.research.google.com https://*.googleusercontent.com https://*.prod.colab.dev");
	add_way(out, "Google Colab",
		"in a cell: from google.colab import output; output.serve_kernel_port_as_iframe({port})");
}

/* The proxy says Host: localhost unless told to leave it; our own codespace's name, and no other's. */
static void find_codespaces(environment_get *get, struct environment *out)
{
	const char *name = value_of(get, "CODESPACE_NAME");
	const char *domain = value_of(get, "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN");
	if (!is_set(get, "CODESPACES") || !is_host(slice_of(name)))
		return;
	struct buf text = BUF_INIT;
	buf_printf(
		&text, "https://%s-{port}.%s", name, is_host(slice_of(domain)) ? domain : "app.github.dev");
	add_host(out, host_of(text.data ? text.data : ""));
	add_way(out, "GitHub Codespaces", text.data ? text.data : "");
	buf_clear(&text);
	buf_printf(&text, "https://%s.github.dev", name);
	add_ancestors(out, text.data ? text.data : "");
	add_ancestors(out, vscode_ancestors);
	buf_fini(&text);
}

/* code-server and what builds on it (Coder) tell the address of a port:
 * "https://{{port}}--main--ada.example.com/", or "./proxy/{{port}}" below their own. */
static void put_proxy_uri(struct buf *out, const char *uri)
{
	static const char mark[] = "{{port}}";
	const char *at;
	while ((at = strstr(uri, mark))) {
		buf_append(out, uri, (size_t)(at - uri));
		buf_append_str(out, "{port}");
		uri = at + strlen(mark);
	}
	buf_append_str(out, uri);
}

static void find_vscode(environment_get *get, struct environment *out)
{
	bool has_uri = is_set(get, "VSCODE_PROXY_URI");
	if (!has_uri && !is_set(get, "VSCODE_IPC_HOOK_CLI") &&
		strcmp(value_of(get, "TERM_PROGRAM"), "vscode") != 0)
		return;
	add_ancestors(out, vscode_ancestors);
	if (is_set(get, "CODESPACES")) /* which is VS Code, and has its own address */
		return;
	struct buf uri = BUF_INIT;
	put_proxy_uri(&uri, value_of(get, "VSCODE_PROXY_URI"));
	struct slice host = host_of(uri.data ? uri.data : "");
	add_host(out, host);
	if (host.len)
		add_way(out, "VS Code", uri.data);
	else if (is_set(get, "VSCODE_IPC_HOOK_CLI"))
		add_way(out, "VS Code", "forward port {port} in the Ports view");
	buf_fini(&uri);
}

/* jupyter-server-proxy passes on the Host that the browser named. Under a hub we seldom know that name, but
 * know the path at which the proxy says it shows us, which holds the user's name. Frames come from its own
 * pages, which are of our origin then. */
static void find_jupyter(environment_get *get, struct environment *out)
{
	const char *prefix = value_of(get, "JUPYTERHUB_SERVICE_PREFIX");
	const char *url = is_set(get, "JUPYTERHUB_PUBLIC_URL") ? value_of(get, "JUPYTERHUB_PUBLIC_URL")
							       : value_of(get, "JUPYTER_SERVER_URL");
	if (!*prefix && !*url && !is_set(get, "JPY_PARENT_PID"))
		return;
	if (is_set(get, "COLAB_RELEASE_TAG") || is_set(get, "COLAB_BACKEND_VERSION"))
		return; /* a Jupyter without that proxy */
	add_host(out, host_of(value_of(get, "JUPYTERHUB_PUBLIC_URL")));
	add_host(out, host_of(value_of(get, "JUPYTERHUB_HOST")));
	add_host(out, host_of(value_of(get, "JUPYTER_SERVER_URL")));
	size_t len = strlen(prefix);
	if (len > 1 && prefix[0] == '/') {
		size_t slash = prefix[len - 1] == '/';
		buf_printf(&out->proxied_at, "%.*s/proxy/{port}", (int)(len - slash), prefix);
	}
	struct buf way = BUF_INIT;
	const char *base = host_of(url).len ? url : *prefix ? prefix : "/";
	buf_printf(&way, "%s%sproxy/{port}/ by jupyter-server-proxy", base,
		base[strlen(base) - 1] == '/' ? "" : "/");
	add_way(out, "Jupyter", way.data ? way.data : "");
	buf_fini(&way);
}

/* ---- all of them ---- */

void environment_find(environment_get *get, struct environment *out)
{
	*out = (struct environment)ENVIRONMENT_INIT;
	find_colab(get, out);
	find_codespaces(get, out);
	find_vscode(get, out);
	find_jupyter(get, out);
}

void environment_fini(struct environment *environment)
{
	for (size_t i = 0; i < environment->host_count; i++)
		free(environment->hosts[i]);
	buf_fini(&environment->ancestors);
	buf_fini(&environment->proxied_at);
	buf_fini(&environment->ways);
	*environment = (struct environment)ENVIRONMENT_INIT;
}

void environment_put(struct buf *out, const char *text, uint16_t port)
{
	static const char mark[] = "{port}";
	const char *at;
	while ((at = strstr(text, mark))) {
		buf_append(out, text, (size_t)(at - text));
		buf_append_uint(out, port);
		text = at + strlen(mark);
	}
	buf_append_str(out, text);
}
