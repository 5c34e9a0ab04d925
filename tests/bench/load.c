/* A client that counts deltas and reads their stamps, for the benchmark.
 *
 * Usage: load PORT REQUEST-FILE CONNECTIONS REQUESTS MARKER FINAL [quick-ack]
 *
 * Each connection sends the bytes of the file so many times, one answer after another. A data line with MARKER is a
 * delta; the stamps in it say when the upstream sent it, and a delta without one is counted as bare. An answer must be 200, have the end that its framing
 * promises, and a data line with FINAL before it; otherwise the program ends with 1 and says why. With "quick-ack" what
 * arrives is acknowledged at once, and not up to 40 ms later. It prints JSON.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENCE_MS 120000

struct connection {
    int fd;
    unsigned number, left; /* requests that are still to be sent */
    size_t sent;           /* of the request */
    uint64_t began;
    struct bytes head, text; /* of the answer; the text that is no complete line yet */
    size_t searched;         /* of that text, for the end of the line */
    struct body body;
    bool in_body, first, final, closing;
};

static struct bytes request, firsts, latencies;
static const char *marker, *final_marker;
static bool quick_ack;
static uint64_t event_count, bare_count, stamp_count, body_bytes, reconnects;
static unsigned running;
static int poller, port;

static void watch(struct connection *connection, int operation, uint32_t events) {
    struct epoll_event wanted = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, operation, connection->fd, &wanted)) die("epoll_ctl: %s", strerror(errno));
}

static void open_connection(struct connection *connection) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    address.sin_port = htons((uint16_t)port);
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address)) die("connect: %s", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(connection, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void send_more(struct connection *connection) {
    size_t left = request.size - connection->sent;
    ssize_t sent = send(connection->fd, request.at + connection->sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) die("connection %u: send: %s", connection->number, strerror(errno));
    if (sent > 0) connection->sent += (size_t)sent;
    watch(connection, EPOLL_CTL_MOD, EPOLLIN | (connection->sent < request.size ? EPOLLOUT : 0));
}

static void begin(struct connection *connection) {
    connection->left--;
    connection->sent = connection->head.size = connection->text.size = connection->searched = 0;
    connection->in_body = connection->first = connection->final = false;
    connection->began = now_ns();
    send_more(connection);
}

/* One line of the event stream. */
static void read_line(struct connection *connection, const char *line, size_t size, uint64_t now) {
    if (size < 6 || memcmp(line, "data:", 5)) return;
    if (!memmem(line, size, marker, strlen(marker))) {
        if (memmem(line, size, final_marker, strlen(final_marker))) connection->final = true;
        return;
    }
    const char *end = line + size;
    uint64_t before = stamp_count;
    while ((line = memchr(line, '@', (size_t)(end - line))) && end - ++line >= STAMP_DIGITS) {
        uint64_t stamp = 0;
        int digits = 0;
        for (; digits < STAMP_DIGITS && isdigit((unsigned char)line[digits]); digits++)
            stamp = stamp * 10 + (uint64_t)(line[digits] - '0');
        if (digits < STAMP_DIGITS) continue;
        stamp_count++;
        uint64_t latency = now - stamp, first = now - connection->began;
        add(&latencies, &latency, sizeof latency);
        if (!connection->first) add(&firsts, &first, sizeof first);
        connection->first = true;
    }
    *(stamp_count > before ? &event_count : &bare_count) += 1;
}

static void read_lines(struct connection *connection, uint64_t now) {
    struct bytes *text = &connection->text;
    size_t begin = 0;
    char *end;
    while ((end = memchr(text->at + connection->searched, '\n', text->size - connection->searched))) {
        read_line(connection, text->at + begin, (size_t)(end - text->at) - begin, now);
        begin = connection->searched = (size_t)(end - text->at) + 1;
    }
    drop(text, begin);
    connection->searched = text->size;
}

static void end_answer(struct connection *connection) {
    if (!connection->final)
        die("connection %u: an answer ended without %s; it began with: %.300s", connection->number, final_marker,
            connection->head.at);
    if (!connection->left) {
        running--;
        close(connection->fd);
        return;
    }
    if (connection->closing) {
        reconnects++;
        close(connection->fd);
        open_connection(connection);
    }
    begin(connection);
}

static void read_head(struct connection *connection) {
    struct bytes *head = &connection->head;
    char *end = memmem(head->at, head->size, "\r\n\r\n", 4);
    if (!end) return;
    size_t size = (size_t)(end + 4 - head->at);
    if (strncmp(head->at, "HTTP/1.1 200", 12)) die("connection %u: %.*s", connection->number, (int)head->size, head->at);
    const char *after = header(head->at, size, "connection");
    connection->body = body_of(head->at, size, true);
    connection->closing = connection->body.framing == UNTIL_CLOSE || (after && !strncasecmp(after, "close", 5));
    connection->in_body = true;
    body_bytes += head->size - size;
    body_read(&connection->body, head->at + size, head->size - size, &connection->text);
    head->at[size - 1] = 0;
}

static void receive(struct connection *connection) {
    static char part[262144];
    ssize_t got = recv(connection->fd, part, sizeof part, MSG_DONTWAIT);
    uint64_t now = now_ns();
    int on = 1;
    if (quick_ack) setsockopt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        if (got < 0 || !connection->in_body || connection->body.framing != UNTIL_CLOSE)
            die("connection %u: the answer was cut: %.*s", connection->number, (int)connection->text.size,
                connection->text.at ? connection->text.at : "");
        connection->body.ended = true;
    } else if (connection->in_body) {
        body_bytes += (uint64_t)got;
        if (body_read(&connection->body, part, (size_t)got, &connection->text) < (size_t)got)
            die("connection %u: there are bytes behind the answer", connection->number);
    } else {
        add(&connection->head, part, (size_t)got);
        read_head(connection);
    }
    if (!connection->in_body) return;
    if (connection->text.size) read_lines(connection, now);
    if (connection->body.ended) end_answer(connection);
}

static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void print_percentiles(const char *name, struct bytes *values, double unit) {
    size_t count = values->size / sizeof(uint64_t);
    uint64_t *at = (uint64_t *)(void *)values->at;
    if (!count) return;
    qsort(at, count, sizeof *at, ascending);
    printf(", \"%s_p50\": %.3f, \"%s_p99\": %.3f", name, (double)at[count / 2] / unit, name,
           (double)at[count * 99 / 100] / unit);
}

int main(int argc, char **argv) {
    if (argc != 7 && argc != 8) die("usage: load PORT REQUEST-FILE CONNECTIONS REQUESTS MARKER FINAL [quick-ack]");
    quick_ack = argc == 8;
    port = atoi(argv[1]);
    request = read_file(argv[2]);
    running = (unsigned)atoi(argv[3]);
    marker = argv[5], final_marker = argv[6];
    poller = epoll_create1(0);
    struct connection *all = calloc(running, sizeof *all);
    if (!all) die("out of memory");
    unsigned connections = running;
    for (unsigned number = 0; number < connections; number++) {
        all[number] = (struct connection){.number = number, .left = (unsigned)atoi(argv[4])};
        open_connection(&all[number]);
    }
    uint64_t began = now_ns();
    for (unsigned number = 0; number < connections; number++) begin(&all[number]);
    while (running) {
        struct epoll_event ready[64];
        int happened = epoll_wait(poller, ready, 64, SILENCE_MS);
        if (!happened) die("nothing arrived for %d s", SILENCE_MS / 1000);
        for (int place = 0; place < happened; place++) {
            struct connection *connection = ready[place].data.ptr;
            if (ready[place].events & EPOLLOUT) send_more(connection);
            if (ready[place].events & ~(uint32_t)EPOLLOUT) receive(connection);
        }
    }
    printf("{\"events\": %llu, \"bare\": %llu, \"deltas\": %llu, \"seconds\": %.6f, \"bytes\": %llu, \"reconnects\": %llu",
           (unsigned long long)event_count, (unsigned long long)bare_count, (unsigned long long)stamp_count, (double)(now_ns() - began) / 1e9,
           (unsigned long long)body_bytes, (unsigned long long)reconnects);
    print_percentiles("first_ms", &firsts, 1e6);
    print_percentiles("latency_us", &latencies, 1e3);
    puts("}");
    return 0;
}
