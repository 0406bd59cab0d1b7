/* Threads: handshakes (the loops') take certificate and key under the lock, tls_refresh replaces them under
 * it. */
#include "http/tls.h"

#include "base/clean.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What is shown in a handshake. */
struct identity {
	X509 *cert;
	EVP_PKEY *key;
	STACK_OF(X509) * chain; /* who signed it; may be empty */
};

struct tls {
	char *cert_path, *key_path; /* constant, as are ctx and key_is_open */
	SSL_CTX *ctx;
	bool key_is_open;
	pthread_mutex_t lock;
	struct identity shown;           /* under lock */
	struct stat cert_seen, key_seen; /* of tls_open, tls_refresh: what was read last */
};

static void identity_fini(struct identity *identity)
{
	X509_free(identity->cert);
	EVP_PKEY_free(identity->key);
	sk_X509_pop_free(identity->chain, X509_free);
	*identity = (struct identity){0};
}

/* ---- reading ---- */

static burr_status fail_file(const char *what, const char *path, int error, burr_error *err)
{
	burr_status status = error == ENOENT ? BURR_ENOTFOUND : error == EACCES ? BURR_EPERM : BURR_EIO;
	return burr_fail(err, status, "%s %s: %s", what, path, strerror(error));
}

/* Only a file proper: it is read again when it changes, and a pipe would hold up whoever opens it. */
static burr_status open_file(
	const char *what, const char *path, FILE **out_file, struct stat *out_stat, burr_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	int error = !file || fstat(fd, out_stat) < 0 ? errno : S_ISDIR(out_stat->st_mode) ? EISDIR : 0;
	if (!error && S_ISREG(out_stat->st_mode)) {
		*out_file = file;
		return BURR_OK;
	}
	if (file)
		file_close(&file);
	else
		fd_close(&fd);
	return error ? fail_file(what, path, error, err)
		     : burr_fail(err, BURR_EINVAL, "%s %s: it is not a regular file", what, path);
}

static burr_status read_cert(struct tls *tls, struct identity *out, burr_error *err)
{
	CLEAN(file_close) FILE *file = NULL;
	burr_status status = open_file("certificate", tls->cert_path, &file, &tls->cert_seen, err);
	if (status != BURR_OK)
		return status;
	out->cert = PEM_read_X509(file, NULL, NULL, NULL);
	out->chain = sk_X509_new_null();
	if (!out->cert || !out->chain)
		return burr_fail(
			err, BURR_EINVAL, "certificate %s: there is none in PEM form in it", tls->cert_path);
	X509 *next;
	while ((next = PEM_read_X509(file, NULL, NULL, NULL)))
		if (!sk_X509_push(out->chain, next)) {
			X509_free(next);
			return burr_fail(err, BURR_ENOMEM, "no memory for a certificate");
		}
	return BURR_OK;
}

/* No passphrase: there may be nobody to ask. */
static int give_no_passphrase(char *out, int size, int writing, void *ctx)
{
	(void)out, (void)size, (void)writing;
	*(bool *)ctx = true;
	return -1;
}

static burr_status read_key(struct tls *tls, struct identity *out, burr_error *err)
{
	CLEAN(file_close) FILE *file = NULL;
	bool has_passphrase = false;
	burr_status status = open_file("key", tls->key_path, &file, &tls->key_seen, err);
	if (status != BURR_OK)
		return status;
	out->key = PEM_read_PrivateKey(file, NULL, give_no_passphrase, &has_passphrase);
	if (out->key)
		return BURR_OK;
	return burr_fail(err, BURR_EINVAL,
		has_passphrase
			? "key %s: it has a passphrase; openssl pkey -in it -out another takes that off"
			: "key %s: there is none in PEM form in it",
		tls->key_path);
}

static burr_status check_time(const struct tls *tls, const X509 *cert, burr_error *err)
{
	bool over = X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
	if (!over && X509_cmp_current_time(X509_get0_notBefore(cert)) < 0)
		return BURR_OK;
	char when[64] = "";
	BIO *text = BIO_new(BIO_s_mem());
	if (text) {
		ASN1_TIME_print(text, over ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert));
		int len = BIO_read(text, when, sizeof(when) - 1);
		when[len > 0 ? len : 0] = '\0';
		BIO_free(text);
	}
	return burr_fail(err, BURR_EINVAL,
		over ? "certificate %s: it has expired, on %s" : "certificate %s: it is not valid before %s",
		tls->cert_path, when);
}

static burr_status read_identity(struct tls *tls, struct identity *out, burr_error *err)
{
	burr_status status = read_cert(tls, out, err);
	if (status == BURR_OK)
		status = read_key(tls, out, err);
	if (status == BURR_OK && X509_check_private_key(out->cert, out->key) != 1)
		status = burr_fail(err, BURR_EINVAL, "key %s is not that of certificate %s", tls->key_path,
			tls->cert_path);
	if (status == BURR_OK)
		status = check_time(tls, out->cert, err);
	ERR_clear_error(); /* also the end of the file, which OpenSSL counts as one */
	return status;
}

/* ---- handshakes ---- */

static int show_identity(SSL *ssl, void *arg)
{
	struct tls *tls = arg;
	pthread_mutex_lock(&tls->lock);
	int shown = SSL_use_cert_and_key(ssl, tls->shown.cert, tls->shown.key, tls->shown.chain, 1);
	pthread_mutex_unlock(&tls->lock);
	return shown;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
	const unsigned char *offered, unsigned offered_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen = NULL;
	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, offered, offered_len) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static burr_status make_context(struct tls *tls, burr_error *err)
{
	tls->ctx = SSL_CTX_new(TLS_server_method());
	if (!tls->ctx || !SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) ||
		!SSL_CTX_set_cipher_list(tls->ctx, "ECDHE+AESGCM:ECDHE+CHACHA20"))
		return burr_fail(err, BURR_ENOMEM, "no memory for TLS");
	SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(tls->ctx, SSL_MODE_RELEASE_BUFFERS); /* 32 KB a connection that is idle */
	SSL_CTX_set_session_cache_mode(tls->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(tls->ctx, choose_protocol, NULL);
	SSL_CTX_set_cert_cb(tls->ctx, show_identity, tls);
	return BURR_OK;
}

/* ---- the whole ---- */

burr_status tls_open(const char *cert_path, const char *key_path, struct tls **out_tls, burr_error *err)
{
	struct tls *tls = calloc(1, sizeof(*tls));
	if (!tls)
		return burr_fail(err, BURR_ENOMEM, "no memory for TLS");
	pthread_mutex_init(&tls->lock, NULL);
	tls->cert_path = strdup(cert_path);
	tls->key_path = strdup(key_path);
	burr_status status = tls->cert_path && tls->key_path ? make_context(tls, err) : BURR_ENOMEM;
	if (status == BURR_OK)
		status = read_identity(tls, &tls->shown, err);
	if (status != BURR_OK) {
		tls_free(tls);
		return status;
	}
	tls->key_is_open = (tls->key_seen.st_mode & (S_IRWXG | S_IRWXO)) != 0;
	*out_tls = tls;
	return BURR_OK;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	identity_fini(&tls->shown);
	pthread_mutex_destroy(&tls->lock);
	free(tls->cert_path);
	free(tls->key_path);
	free(tls);
}

SSL_CTX *tls_context(struct tls *tls)
{
	return tls->ctx;
}

bool tls_key_is_open(const struct tls *tls)
{
	return tls->key_is_open;
}

static bool is_same_file(const char *path, const struct stat *seen)
{
	struct stat now;
	return stat(path, &now) == 0 && now.st_dev == seen->st_dev && now.st_ino == seen->st_ino &&
	       now.st_size == seen->st_size && now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
}

burr_status tls_refresh(struct tls *tls, bool *out_changed, burr_error *err)
{
	*out_changed = false;
	if (is_same_file(tls->cert_path, &tls->cert_seen) && is_same_file(tls->key_path, &tls->key_seen))
		return BURR_OK;
	struct identity read = {0};
	burr_status status = read_identity(tls, &read, err);
	if (status == BURR_OK) {
		pthread_mutex_lock(&tls->lock);
		struct identity before = tls->shown;
		tls->shown = read;
		pthread_mutex_unlock(&tls->lock);
		read = before;
		*out_changed = true;
	}
	identity_fini(&read);
	return status;
}

bool tls_names_host(struct tls *tls, const char *host)
{
	pthread_mutex_lock(&tls->lock);
	bool names = X509_check_host(tls->shown.cert, host, 0, 0, NULL) == 1 ||
		     X509_check_ip_asc(tls->shown.cert, host, 0) == 1;
	pthread_mutex_unlock(&tls->lock);
	return names;
}
