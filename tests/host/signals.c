/* host/signals.c: a host whose signal handlers record, nest, jump away, and run on stacks of their own. */
#include "host.h"

#include <setjmp.h>
#include <sys/time.h>

static _Atomic long handled;
static long main_count;
static _Atomic long strangers; /* handlers that ran on a thread that is not the host's */
static _Thread_local bool is_host_thread;

static void set_handler(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	HOST_CHECK(sigaction(number, &action, NULL) == 0);
}

static timer_t begin_timer(long every_ns)
{
	timer_t timer;
	struct itimerspec often = {{0, every_ns}, {0, every_ns}};
	HOST_CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
	HOST_CHECK(timer_settime(timer, 0, &often, NULL) == 0);
	return timer;
}

/* No handler runs after it: a sanitizer may keep one for the next call that it knows. */
static void end_timer(timer_t timer)
{
	timer_delete(timer);
	host_flush();
}

static void record_handled(int number)
{
	int error = errno;
	(void)number;
	errno = 4711;
	host_must_record("h", atomic_load(&handled));
	HOST_CHECK(errno == 4711);
	atomic_fetch_add(&handled, 1);
	errno = error;
}

/* The pace leaves the store some time; the handler meets the call itself often enough. */
static void record_until_handled(long count)
{
	while (atomic_load(&handled) < count) {
		host_must_record("m", main_count++);
		if (main_count % 2000 == 0)
			host_flush();
	}
}

static void say_all(void)
{
	host_say("m %ld", main_count);
	host_say("h %ld", atomic_load(&handled));
	host_flush();
	host_close();
}

static void run_timer(const char *store, long count)
{
	host_begin(store);
	set_handler(SIGALRM, record_handled, SA_RESTART);
	struct itimerval often = {{0, 1000}, {0, 1000}};
	setitimer(ITIMER_REAL, &often, NULL);
	record_until_handled(count / 2);
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
	timer_t timer = begin_timer(100000);
	record_until_handled(count);
	end_timer(timer);
	say_all();
}

/* ---- nested ---- */

static _Atomic long inner;

static void record_inner(int number)
{
	(void)number;
	host_must_record("i", atomic_load(&inner));
	atomic_fetch_add(&inner, 1);
}

static void record_outer(int number)
{
	record_handled(number);
	raise(SIGUSR2);
}

static void run_nested(const char *store, long count)
{
	enum { ALTERNATE = 64 << 10 };
	host_begin(store);
	static char space[ALTERNATE];
	stack_t stack = {.ss_sp = space, .ss_size = ALTERNATE};
	HOST_CHECK(sigaltstack(&stack, NULL) == 0);
	set_handler(SIGUSR1, record_outer, SA_RESTART | SA_ONSTACK);
	set_handler(SIGUSR2, record_inner, SA_RESTART);
	set_handler(SIGALRM, record_outer, SA_RESTART | SA_ONSTACK);
	timer_t timer = begin_timer(200000);
	while (atomic_load(&handled) < count) {
		host_must_record("m", main_count++);
		if (main_count % 1000 == 0) {
			sigset_t alarm;
			sigemptyset(&alarm);
			sigaddset(&alarm, SIGALRM);
			sigprocmask(SIG_BLOCK, &alarm, NULL);
			raise(SIGUSR1);
			sigprocmask(SIG_UNBLOCK, &alarm, NULL);
			host_flush();
		}
	}
	end_timer(timer);
	while (atomic_load(&inner) < atomic_load(&handled))
		host_flush();
	host_say("i %ld", atomic_load(&inner));
	say_all();
}

/* ---- jumping out ---- */

static sigjmp_buf back;

static void record_and_jump(int number)
{
	record_handled(number);
	siglongjmp(back, 1);
}

static volatile long jumps;
static volatile long begun; /* by the main code, with the ones that were jumped out of */

/* A call that was left may have recorded or not; each later one must. */
static void run_jump(const char *store, long count)
{
	host_begin(store);
	set_handler(SIGALRM, record_and_jump, 0);
	sigset_t alarm;
	sigset_t before;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &before);
	timer_t timer = begin_timer(200000);
	if (sigsetjmp(back, 1))
		jumps++;
	while (jumps < count) {
		/* Outside, nothing is jumped out of: the flush is the host's own business. */
		if (jumps % 50 == 49)
			host_flush();
		sigprocmask(SIG_UNBLOCK, &alarm, NULL);
		for (int i = 0; i < 2000; i++) {
			long number = begun++;
			host_must_record("m", number);
		}
		sigprocmask(SIG_BLOCK, &alarm, NULL);
	}
	timer_delete(timer);
	host_say("jumped %ld", begun);
	host_say("h %ld", atomic_load(&handled));
	host_flush();
	host_close();
}

/* ---- the host's own ---- */

static void read_all(struct sigaction actions[NSIG], sigset_t *mask)
{
	memset(actions, 0, NSIG * sizeof(*actions));
	for (int i = 1; i < NSIG; i++)
		sigaction(i, NULL, &actions[i]);
	sigemptyset(mask);
	sigprocmask(SIG_SETMASK, NULL, mask);
}

static void on_nothing(int number)
{
	(void)number;
}

static void run_dispositions(const char *store, long count)
{
	(void)count;
	static const int owned[] = {SIGSEGV, SIGBUS, SIGPIPE, SIGCHLD, SIGALRM};
	static struct sigaction before[NSIG];
	static struct sigaction after[NSIG];
	sigset_t mask;
	sigset_t mask_after;
	for (size_t i = 0; i < sizeof(owned) / sizeof(*owned); i++)
		set_handler(owned[i], on_nothing, SA_RESTART);
	sigset_t some;
	sigemptyset(&some);
	sigaddset(&some, SIGUSR2);
	sigaddset(&some, SIGXFSZ);
	sigprocmask(SIG_BLOCK, &some, NULL);
	raise(SIGXFSZ); /* pending, and the host's */
	read_all(before, &mask);
	host_begin(store);
	static char space[2 << 20];
	for (long i = 0; i < 3; i++)
		HOST_CHECK(host_record_large("p", i, space, 1 << 20) == BURR_OK);
	host_must_record("p", 3);
	host_say("p 4");
	host_close();
	read_all(after, &mask_after);
	for (int i = 1; i < NSIG; i++)
		HOST_CHECK(before[i].sa_handler == after[i].sa_handler &&
				   before[i].sa_flags == after[i].sa_flags,
			"signal %d", i);
	for (int i = 1; i < NSIG; i++)
		HOST_CHECK(sigismember(&mask, i) == sigismember(&mask_after, i), "signal %d", i);
	sigset_t pending;
	sigpending(&pending);
	HOST_CHECK(sigismember(&pending, SIGXFSZ) == 1);
}

static void note_thread(int number)
{
	(void)number;
	if (!is_host_thread)
		atomic_fetch_add(&strangers, 1);
	atomic_fetch_add(&handled, 1);
}

/* It begins with all signals blocked, so that none meets it before it has said that it is the host's. */
static void *record_some(void *arg)
{
	sigset_t all;
	sigfillset(&all);
	is_host_thread = true;
	pthread_sigmask(SIG_UNBLOCK, &all, NULL);
	for (long i = 0; i < 2000; i++)
		host_must_record(arg, i);
	host_say("%s 2000", (char *)arg);
	return NULL;
}

/* Sent to the process: the kernel takes any thread that does not block them. */
static void run_directed(const char *store, long count)
{
	static const int numbers[] = {SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGPIPE, SIGTERM};
	is_host_thread = true;
	host_begin(store);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		set_handler(numbers[i], note_thread, SA_RESTART);
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	pthread_t a = host_thread(record_some, "a", 0);
	pthread_t b = host_thread(record_some, "b", 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (long i = 0; i < count; i++) {
		/* Now and then this thread takes none either, for as long as the sending takes. */
		if (i % 4 == 0)
			pthread_sigmask(SIG_BLOCK, &all, &before);
		kill(getpid(), numbers[(size_t)i % (sizeof(numbers) / sizeof(*numbers))]);
		if (i % 4 == 0)
			pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	HOST_CHECK(atomic_load(&handled) > 0 && atomic_load(&strangers) == 0,
		"%ld of %ld on a thread of ours", atomic_load(&strangers), atomic_load(&handled));
	host_close();
}

int main(int argc, char **argv)
{
	static const struct host_mode modes[] = {
		{"timer", run_timer},
		{"nested", run_nested},
		{"jump", run_jump},
		{"dispositions", run_dispositions},
		{"directed", run_directed},
		{NULL, NULL},
	};
	return host_main(argc, argv, modes);
}
