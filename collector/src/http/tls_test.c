#include "http/tls.h"

#include "http/server.h"
#include "http/test_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

enum { DAY_S = 86400 };

static char folder[] = "/tmp/burr-tls-XXXXXX";
static char cert_path[64], key_path[64];

/* ---- certificates ---- */

static EVP_PKEY *make_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	assert_non_null(key);
	return key;
}

/* For burr.test and 192.0.2.7, signed by itself, valid between these times from now. */
static X509 *make_cert(EVP_PKEY *key, long from_s, long to_s)
{
	X509 *cert = X509_new();
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), random());
	X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
	X509_gmtime_adj(X509_getm_notAfter(cert), to_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
		(const unsigned char *)"burr.test", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_set_pubkey(cert, key);
	X509_EXTENSION *names =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:burr.test,IP:192.0.2.7");
	X509_add_ext(cert, names, -1);
	X509_EXTENSION_free(names);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static void write_cert(X509 *cert)
{
	FILE *file = fopen(cert_path, "w");
	assert_int_equal(PEM_write_X509(file, cert), 1);
	fclose(file);
}

static void write_key(EVP_PKEY *key, const char *passphrase)
{
	FILE *file = fopen(key_path, "w");
	const EVP_CIPHER *cipher = passphrase ? EVP_aes_128_cbc() : NULL;
	assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, cipher, NULL, 0, NULL, (void *)passphrase), 1);
	fclose(file);
	chmod(key_path, 0600);
}

static void write_pair(long from_s, long to_s)
{
	EVP_PKEY *key = make_key();
	X509 *cert = make_cert(key, from_s, to_s);
	write_cert(cert);
	write_key(key, NULL);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", folder);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(cert_path);
	unlink(key_path);
	return rmdir(folder);
}

/* ---- what is refused ---- */

static void refuses(burr_status status, const char *text)
{
	struct tls *tls = NULL;
	burr_error err = BURR_ERROR_INIT;
	assert_int_equal(tls_open(cert_path, key_path, &tls, &err), status);
	if (!strstr(err.message, text))
		fail_msg("'%s' is not in: %s", text, err.message);
	assert_null(tls);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
}

static void tells_what_is_wrong(void **state)
{
	(void)state;
	EVP_PKEY *key = make_key();
	refuses(BURR_ENOTFOUND, "cert.pem: No such file");
	write_text(cert_path, "no certificate\n");
	refuses(BURR_EINVAL, "cert.pem: there is none in PEM form");
	write_pair(-DAY_S, DAY_S);
	unlink(key_path);
	refuses(BURR_ENOTFOUND, "key.pem: No such file");
	write_text(key_path, "no key\n");
	refuses(BURR_EINVAL, "key.pem: there is none in PEM form");
	write_key(key, "secret");
	refuses(BURR_EINVAL, "key.pem: it has a passphrase");
	write_key(key, NULL);
	refuses(BURR_EINVAL, "is not that of certificate");
	write_pair(-2 * DAY_S, -DAY_S);
	refuses(BURR_EINVAL, "it has expired, on ");
	write_pair(DAY_S, 2 * DAY_S);
	refuses(BURR_EINVAL, "it is not valid before ");
	unlink(key_path);
	assert_int_equal(mkdir(key_path, 0700), 0);
	refuses(BURR_EIO, "key.pem: Is a directory");
	rmdir(key_path);
	assert_int_equal(mkfifo(key_path, 0600), 0); /* which nobody writes to */
	refuses(BURR_EINVAL, "key.pem: it is not a regular file");
	unlink(key_path);
	EVP_PKEY_free(key);
}

static void tells_of_an_open_key(void **state)
{
	(void)state;
	struct tls *tls = NULL;
	write_pair(-DAY_S, DAY_S);
	assert_int_equal(tls_open(cert_path, key_path, &tls, NULL), BURR_OK);
	assert_false(tls_key_is_open(tls));
	tls_free(tls);
	chmod(key_path, 0640);
	assert_int_equal(tls_open(cert_path, key_path, &tls, NULL), BURR_OK);
	assert_true(tls_key_is_open(tls));
	tls_free(tls);
}

static void knows_its_names(void **state)
{
	(void)state;
	struct tls *tls = NULL;
	write_pair(-DAY_S, DAY_S);
	assert_int_equal(tls_open(cert_path, key_path, &tls, NULL), BURR_OK);
	assert_true(tls_names_host(tls, "burr.test"));
	assert_true(tls_names_host(tls, "192.0.2.7"));
	assert_false(tls_names_host(tls, "evil.test"));
	assert_false(tls_names_host(tls, "192.0.2.8"));
	tls_free(tls);
}

/* ---- over a connection ---- */

static const char page[] = "<base href=\"./\">the page";
static const struct http_asset assets[] = {
	{"/index.html", "text/html; charset=utf-8", "e1", page, sizeof(page) - 1, NULL, 0},
};

static struct http_server *start(void)
{
	struct http_server_options options = HTTP_SERVER_OPTIONS_INIT;
	struct http_server *server = NULL;
	burr_error err = BURR_ERROR_INIT;
	options.port = 0;
	options.assets = assets;
	options.asset_count = 1;
	options.tls_cert = cert_path;
	options.tls_key = key_path;
	if (http_server_open(&options, &server, &err) != BURR_OK ||
		http_server_start(server, &err) != BURR_OK)
		fail_msg("%s", err.message);
	return server;
}

struct session {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	bool open;
};

/* alpn: as on the wire; NULL: none is offered. */
static struct session connect_tls(uint16_t port, int max_version, const char *alpn)
{
	struct session session = {.fd = client_connect(port), .ctx = SSL_CTX_new(TLS_client_method())};
	SSL_CTX_set_min_proto_version(session.ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(session.ctx, max_version);
	SSL_CTX_set_cipher_list(session.ctx, "ALL:@SECLEVEL=0");
	session.ssl = SSL_new(session.ctx);
	if (alpn)
		SSL_set_alpn_protos(session.ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
	SSL_set_fd(session.ssl, session.fd);
	session.open = SSL_connect(session.ssl) == 1;
	ERR_clear_error();
	return session;
}

static void disconnect(struct session *session)
{
	SSL_free(session->ssl);
	SSL_CTX_free(session->ctx);
	close(session->fd);
}

static void speaks_http_1_over_tls(void **state)
{
	(void)state;
	write_pair(-DAY_S, DAY_S);
	struct http_server *server = start();
	uint16_t port = http_server_port(server);
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	for (size_t i = 0; i < 2; i++) {
		struct session session = connect_tls(port, versions[i], "\x02h2\x08http/1.1");
		static const char ask[] = "GET / HTTP/1.1\r\nHost: burr.test\r\nConnection: close\r\n\r\n";
		char answer[4096];
		const unsigned char *chosen;
		unsigned chosen_len;
		int len = 0, got;
		assert_true(session.open);
		assert_int_equal(SSL_version(session.ssl), versions[i]);
		SSL_get0_alpn_selected(session.ssl, &chosen, &chosen_len);
		assert_int_equal(chosen_len, 8);
		assert_memory_equal(chosen, "http/1.1", 8);
		assert_int_equal(SSL_write(session.ssl, ask, sizeof(ask) - 1), sizeof(ask) - 1);
		while ((got = SSL_read(session.ssl, answer + len, (int)sizeof(answer) - 1 - len)) > 0)
			len += got;
		answer[len] = '\0';
		assert_memory_equal(answer, "HTTP/1.1 200 OK", 15);
		assert_non_null(strstr(answer, "the page"));
		disconnect(&session);
	}
	http_server_close(server);
}

static void refuses_other_protocols(void **state)
{
	(void)state;
	write_pair(-DAY_S, DAY_S);
	struct http_server *server = start();
	uint16_t port = http_server_port(server);
	struct session old = connect_tls(port, TLS1_1_VERSION, NULL);
	struct session second = connect_tls(port, TLS1_3_VERSION, "\x02h2");
	assert_false(old.open);
	assert_false(second.open);
	disconnect(&old);
	disconnect(&second);
	int plain = client_connect(port);
	client_say(plain, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_true(client_sees_end(plain));
	close(plain);
	http_server_close(server);
}

static long serial_shown(uint16_t port)
{
	struct session session = connect_tls(port, TLS1_3_VERSION, NULL);
	assert_true(session.open);
	X509 *cert = SSL_get1_peer_certificate(session.ssl);
	long serial = ASN1_INTEGER_get(X509_get0_serialNumber(cert));
	X509_free(cert);
	disconnect(&session);
	return serial;
}

static void takes_up_a_new_certificate(void **state)
{
	(void)state;
	bool changed = true;
	burr_error err = BURR_ERROR_INIT;
	write_pair(-DAY_S, DAY_S);
	struct http_server *server = start();
	uint16_t port = http_server_port(server);
	long first = serial_shown(port);
	assert_int_equal(http_server_refresh_tls(server, &changed, &err), BURR_OK);
	assert_false(changed);
	unlink(cert_path); /* another file, even within a tick of the clock */
	write_pair(-DAY_S, DAY_S);
	assert_int_equal(serial_shown(port), first);
	assert_int_equal(http_server_refresh_tls(server, &changed, &err), BURR_OK);
	assert_true(changed);
	assert_int_not_equal(serial_shown(port), first);
	long second = serial_shown(port);
	unlink(cert_path);
	write_pair(-2 * DAY_S, -DAY_S);
	assert_int_equal(http_server_refresh_tls(server, &changed, &err), BURR_EINVAL);
	assert_false(changed);
	assert_int_equal(serial_shown(port), second);
	http_server_close(server);
}

static bool is_idle(void *server)
{
	struct http_stats stats;
	http_server_get_stats(server, &stats);
	return stats.clients == 0;
}

static bool has_clients(void *server)
{
	return !is_idle(server);
}

/* A handshake that nobody goes on with neither lasts for ever nor keeps the server from ending. */
static void ends_silent_handshakes(void **state)
{
	(void)state;
	write_pair(-DAY_S, DAY_S);
	struct http_server_options options = HTTP_SERVER_OPTIONS_INIT;
	struct http_server *server = NULL;
	options.port = 0;
	options.tls_cert = cert_path;
	options.tls_key = key_path;
	options.request_timeout_ms = 50;
	assert_int_equal(http_server_open(&options, &server, NULL), BURR_OK);
	assert_int_equal(http_server_start(server, NULL), BURR_OK);
	int fd = client_connect(http_server_port(server));
	client_send(fd, "\x16\x03\x01", 3);
	assert_true(client_sees_end(fd));
	close(fd);
	http_server_close(server);

	server = start(); /* its time for a request is 10 s */
	fd = client_connect(http_server_port(server));
	assert_true(eventually(has_clients, server));
	http_server_stop(server, 5000);
	assert_true(is_idle(server));
	assert_true(client_sees_end(fd));
	close(fd);
	http_server_close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_is_wrong),
		cmocka_unit_test(tells_of_an_open_key),
		cmocka_unit_test(knows_its_names),
		cmocka_unit_test(speaks_http_1_over_tls),
		cmocka_unit_test(refuses_other_protocols),
		cmocka_unit_test(takes_up_a_new_certificate),
		cmocka_unit_test(ends_silent_handshakes),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
