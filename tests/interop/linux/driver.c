// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * Drives Linux's own PV Calls frontend against the backend of the host.
 *
 * The frontend has no user: its functions are exported to nobody and belong to no socket
 * family. This file is linked with it into one module and calls them: writing the host's IPv4
 * address to the parameter "run" runs all tests. What they find is printed as lines
 * "interop: NAME: ok" or "interop: NAME: FAILED ..."; the exit code is left in xenstore, like
 * any guest's.
 *
 * The frontend's own defects are worked around, see docs/protocol.md: it drops what is unsent
 * at release, so the peer's answer is awaited; and it may report the end before the last data,
 * so after an end it is asked again.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/inet.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <net/sock.h>
#include <xen/xenbus.h>
#include "pvcalls-front.h"

#define BULK_BYTES (1024 * 1024)
#define CHUNK_BYTES 20000
#define THREADS 4
#define MANY 50

/* A prime length: bytes that got lost or doubled in powers of two do not fit. */
static const char pattern[] = "callisto and linux\n";
#define PATTERN_BYTES (sizeof(pattern) - 1)

static __be32 host;
static int failures;

/* Only tells how large a struct sock is. */
static struct proto test_proto = {
	.name = "pvcalls-test",
	.obj_size = sizeof(struct sock),
};

static int check(const char *name, bool good, const char *what, long got)
{
	if (good)
		return 0;
	pr_err("interop: %s: FAILED: %s: %ld\n", name, what, got);
	failures++;
	return -EIO;
}

static struct sockaddr_in at_port(u16 port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = host,
		.sin_port = htons(port),
	};

	return address;
}

/* A socket without a family; in a domain that ends soon nobody needs to free its sock. */
static struct socket *bare_socket(void)
{
	struct socket *sock;

	if (sock_create_lite(PF_INET, SOCK_STREAM, 0, &sock) < 0)
		return NULL;
	return sock;
}

static struct socket *new_socket(const char *name)
{
	struct socket *sock = bare_socket();
	int ret = -ENOMEM;

	if (sock)
		sock->sk = sk_alloc(&init_net, PF_INET, GFP_KERNEL, &test_proto, 1);
	if (sock && sock->sk)
		ret = pvcalls_front_socket(sock);
	return check(name, ret == 0, "socket", ret) ? NULL : sock;
}

static int connect_to(struct socket *sock, u16 port)
{
	struct sockaddr_in address = at_port(port);

	return pvcalls_front_connect(sock, (struct sockaddr *)&address, sizeof(address), 0);
}

static struct socket *connected(const char *name, u16 port)
{
	struct socket *sock = new_socket(name);
	int ret;

	if (!sock)
		return NULL;
	ret = connect_to(sock, port);
	if (check(name, ret == 0, "connect", ret)) {
		pvcalls_front_release(sock);
		return NULL;
	}
	return sock;
}

/* Sends all of it. */
static int send_all(struct socket *sock, const void *bytes, size_t count)
{
	size_t done = 0;

	while (done < count) {
		struct kvec part = { (char *)bytes + done, count - done };
		struct msghdr message = {};
		int ret;

		iov_iter_kvec(&message.msg_iter, ITER_SOURCE, &part, 1, part.iov_len);
		ret = pvcalls_front_sendmsg(sock, &message, part.iov_len);
		if (ret < 0)
			return ret;
		done += ret;
		/* It gives up by itself when there is no room for long. */
		if (done < count)
			msleep(1);
	}
	return 0;
}

/* Receives some bytes; 0 at the end. */
static int receive(struct socket *sock, void *bytes, size_t room, int flags)
{
	struct kvec part = { bytes, room };
	struct msghdr message = {};

	iov_iter_kvec(&message.msg_iter, ITER_DEST, &part, 1, room);
	return pvcalls_front_recvmsg(sock, &message, room, flags);
}

/* The same, but an end counts only if nothing follows. */
static int receive_or_end(struct socket *sock, void *bytes, size_t room)
{
	int ret = receive(sock, bytes, room, 0);

	return ret == 0 ? receive(sock, bytes, room, MSG_DONTWAIT) : ret;
}

static void fill(char *bytes, size_t count, size_t position)
{
	size_t i;

	for (i = 0; i < count; i++)
		bytes[i] = pattern[(position + i) % PATTERN_BYTES];
}

/* How many of the bytes are the pattern's from position on. */
static size_t matching(const char *bytes, size_t count, size_t position)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (bytes[i] != pattern[(position + i) % PATTERN_BYTES])
			break;
	return i;
}

/* Receives and checks count bytes that start at position of the pattern. */
static int receive_pattern(const char *name, struct socket *sock, char *buffer, size_t count,
			   size_t position)
{
	size_t done = 0;

	while (done < count) {
		int ret = receive_or_end(sock, buffer, min_t(size_t, count - done, CHUNK_BYTES));

		if (check(name, ret > 0, "receive", ret))
			return ret;
		if (check(name, matching(buffer, ret, position + done) == ret, "wrong byte after",
			  position + done))
			return -EIO;
		done += ret;
	}
	return 0;
}

/* A connect that is refused says so, and the socket can be released. */
static int test_refused(const char *name, char *buffer)
{
	struct socket *sock = new_socket(name);
	int ret;

	if (!sock)
		return -EIO;
	ret = connect_to(sock, 1);
	check(name, ret == -ECONNREFUSED, "connect", ret);
	ret = pvcalls_front_release(sock);
	return check(name, ret == 0, "release", ret);
}

/* What goes to an echo server comes back. */
static int test_echo(const char *name, char *buffer)
{
	struct socket *sock = connected(name, 7);
	size_t done = 0, length = 1;
	int ret = 0;

	if (!sock)
		return -EIO;
	while (done < BULK_BYTES / 4 && !ret) {
		fill(buffer, length, done);
		ret = send_all(sock, buffer, length);
		if (!check(name, ret == 0, "send", ret))
			ret = receive_pattern(name, sock, buffer, length, done);
		done += length;
		length = length * 3 % CHUNK_BYTES + 1;
	}
	ret = pvcalls_front_release(sock);
	return check(name, ret == 0, "release", ret);
}

/* A mebibyte comes, and then the end. */
static int test_download(const char *name, char *buffer)
{
	struct socket *sock = connected(name, 9001);
	int ret;

	if (!sock)
		return -EIO;
	ret = send_all(sock, "g", 1);
	check(name, ret == 0, "send", ret);
	if (receive_pattern(name, sock, buffer, BULK_BYTES, 0) == 0) {
		ret = receive(sock, buffer, 1, 0);
		check(name, ret == 0, "receive at the end", ret);
	}
	ret = pvcalls_front_release(sock);
	return check(name, ret == 0, "release", ret);
}

/* A mebibyte goes; the host compares it, and says when it has come. */
static int test_upload(const char *name, char *buffer)
{
	struct socket *sock = connected(name, 9002);
	size_t done = 0;
	int ret = 0;

	if (!sock)
		return -EIO;
	while (done < BULK_BYTES && ret == 0) {
		size_t length = min_t(size_t, BULK_BYTES - done, CHUNK_BYTES);

		fill(buffer, length, done);
		ret = send_all(sock, buffer, length);
		done += length;
	}
	check(name, ret == 0, "send", ret);
	ret = receive_or_end(sock, buffer, 1);
	check(name, ret == 1 && buffer[0] == 'k', "the host's answer", ret);
	ret = pvcalls_front_release(sock);
	return check(name, ret == 0, "release", ret);
}

/* Connections one after the other. */
static int test_many(const char *name, char *buffer)
{
	int i, ret;

	for (i = 0; i < MANY; i++) {
		struct socket *sock = connected(name, 7);

		if (!sock)
			return -EIO;
		fill(buffer, 10, i);
		ret = send_all(sock, buffer, 10);
		if (check(name, ret == 0, "send", ret))
			return ret;
		ret = receive_pattern(name, sock, buffer, 10, i);
		if (ret)
			return ret;
		ret = pvcalls_front_release(sock);
		if (check(name, ret == 0, "release", ret))
			return ret;
		sock_release(sock);
	}
	return 0;
}

struct echo_thread {
	struct completion done;
	int ret;
};

static int echo_thread(void *data)
{
	struct echo_thread *self = data;
	char *buffer = kmalloc(CHUNK_BYTES, GFP_KERNEL);

	self->ret = buffer ? test_echo("parallel", buffer) : -ENOMEM;
	kfree(buffer);
	complete(&self->done);
	return 0;
}

/* Several connections at once. */
static int test_parallel(const char *name, char *buffer)
{
	static struct echo_thread threads[THREADS];
	int i, ret = 0;

	for (i = 0; i < THREADS; i++) {
		init_completion(&threads[i].done);
		if (IS_ERR(kthread_run(echo_thread, &threads[i], "echo%d", i)))
			return check(name, false, "kthread", i);
	}
	for (i = 0; i < THREADS; i++) {
		wait_for_completion(&threads[i].done);
		ret = ret ?: threads[i].ret;
	}
	return ret;
}

/* Echoes on an accepted connection until its end. */
static int serve(const char *name, struct socket *listener, char *buffer)
{
	struct socket *sock = bare_socket();
	int count, ret = -ENOMEM;

	if (sock)
		ret = pvcalls_front_accept(listener, sock, 0);
	if (check(name, ret == 0, "accept", ret))
		return ret;
	for (;;) {
		count = receive_or_end(sock, buffer, CHUNK_BYTES);
		/* Asked without waiting, an end is "try again". */
		if (count == 0 || count == -EAGAIN)
			break;
		if (check(name, count > 0, "receive", count))
			break;
		ret = send_all(sock, buffer, count);
		if (check(name, ret == 0, "send", ret))
			break;
	}
	ret = pvcalls_front_release(sock);
	return check(name, ret == 0, "release", ret);
}

static bool readable(struct socket *sock)
{
	return pvcalls_front_poll(NULL, sock, NULL) & EPOLLIN;
}

/* Three clients of the host are served: one is waited for by poll, the others by accept. */
static int test_listen(const char *name, char *buffer)
{
	struct sockaddr_in address = at_port(5000);
	struct socket *listener = new_socket(name);
	int i, ret;

	if (!listener)
		return -EIO;
	ret = pvcalls_front_bind(listener, (struct sockaddr *)&address, sizeof(address));
	check(name, ret == 0, "bind", ret);
	ret = pvcalls_front_listen(listener, 5);
	if (check(name, ret == 0, "listen", ret))
		return ret;
	check(name, !readable(listener), "readable before a client came", 1);
	pr_info("interop: listening\n");
	for (i = 0; i < 600 && !readable(listener); i++)
		msleep(50);
	check(name, i < 600, "no client seen by poll", i);
	for (i = 0; i < 3 && ret == 0; i++)
		ret = serve(name, listener, buffer);
	/* Asked once more, so that the listener goes with a question open. */
	check(name, !readable(listener), "readable after the last client", 1);
	ret = pvcalls_front_release(listener);
	return check(name, ret == 0, "release", ret);
}

/* A port that is taken: the frontend's bind hides the error, listen shows one. */
static int test_taken(const char *name, char *buffer)
{
	struct sockaddr_in address = at_port(7);
	struct socket *listener = new_socket(name);
	int ret;

	if (!listener)
		return -EIO;
	pvcalls_front_bind(listener, (struct sockaddr *)&address, sizeof(address));
	ret = pvcalls_front_listen(listener, 5);
	check(name, ret < 0, "listen", ret);
	ret = pvcalls_front_release(listener);
	return check(name, ret == 0, "release", ret);
}

static const struct {
	const char *name;
	int (*run)(const char *name, char *buffer);
} tests[] = {
	{ "refused", test_refused },
	{ "echo", test_echo },
	{ "download", test_download },
	{ "upload", test_upload },
	{ "many", test_many },
	{ "parallel", test_parallel },
	{ "taken", test_taken },
	{ "listen", test_listen },
	/* After a listener that left a question open, all still works. */
	{ "echo again", test_echo },
};

static int run_tests(const char *text, const struct kernel_param *param)
{
	char *buffer = kmalloc(CHUNK_BYTES, GFP_KERNEL);
	int i;

	if (!buffer)
		return -ENOMEM;
	if (!in4_pton(text, -1, (u8 *)&host, '\n', NULL)) {
		kfree(buffer);
		return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		int before = failures;

		tests[i].run(tests[i].name, buffer);
		if (failures == before)
			pr_info("interop: %s: ok\n", tests[i].name);
	}
	kfree(buffer);
	pr_info("interop: done, %d failures\n", failures);
	return xenbus_printf(XBT_NIL, "data", "exit-code", "%d", failures ? 1 : 0);
}

static const struct kernel_param_ops run_ops = { .set = run_tests };
module_param_cb(run, &run_ops, NULL, 0200);
MODULE_PARM_DESC(run, "the host's IPv4 address: runs all tests against it");
