/* A chat-completions server that plays a script to every request, for the benchmark.
 *
 * Usage: upstream            prints its port on 127.0.0.1 and serves until it is ended
 *        GET /load/PATH      reads the script: a line with the deltas per second and stream (0: as fast as the
 *                            socket takes them), then server-sent events, each ended by an empty line
 *        GET /last           the events of the stream that was finished last, as they were sent
 *
 * Every event is an HTTP chunk and a send() of its own, as servers flush them. An event with a stamp is a delta:
 * it gets the time of its sending, and is paced. Streams take turns, one event each. It knows no kinds of events.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MODELS "{\"object\":\"list\",\"data\":[{\"id\":\"mimo-v2.5\",\"object\":\"model\",\"created\":1,\"owned_by\":\"bench\"}]}"

struct event {
    char *data;
    size_t size, payload, payload_size; /* the whole chunk, and the event in it */
    size_t stamp;                       /* where its digits are, or 0 */
};

struct connection {
    int fd;
    struct bytes input, pending, kept; /* what arrived, what the socket did not take, what was sent */
    struct body body;
    bool in_body, streaming, blocked, answered;
    size_t next; /* event to send */
    uint64_t began, phase, deltas, due;
};

static struct event *events;
static size_t event_count;
static uint64_t interval; /* between the deltas of a stream; 0: none */
static struct connection *all[1024];
static size_t count;
static struct bytes last;
static int poller;

static void add_event(const char *text, size_t size, bool framed) {
    char frame[32];
    struct bytes whole = {0};
    struct event event = {.payload_size = framed ? size : 0};
    if (framed) add(&whole, frame, (size_t)snprintf(frame, sizeof frame, "%zx\r\n", size));
    event.payload = whole.size;
    add(&whole, text, size);
    if (framed) add(&whole, "\r\n", 2);
    char *stamp = framed ? memmem(whole.at, whole.size, "@0000", 5) : NULL;
    event.stamp = stamp ? (size_t)(stamp - whole.at) + 1 : 0;
    event.data = whole.at;
    event.size = whole.size;
    events = realloc(events, (event_count + 1) * sizeof *events);
    if (!events) die("out of memory");
    events[event_count++] = event;
}

static void load_script(const char *path) {
    static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    struct bytes script = read_file(path);
    while (event_count) free(events[--event_count].data);
    add(&script, "", 1);
    double rate = atof(script.at);
    interval = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
    add_event(head, sizeof head - 1, false);
    char *at = strchr(script.at, '\n') + 1;
    for (char *end; (end = strstr(at, "\n\n")); at = end + 2) add_event(at, (size_t)(end + 2 - at), true);
    add_event("0\r\n\r\n", 5, false);
    free(script.at);
}

static void watch(struct connection *connection, bool blocked) {
    struct epoll_event wanted = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0), .data.ptr = connection};
    connection->blocked = blocked;
    if (epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &wanted)) die("epoll_ctl: %s", strerror(errno));
}

static void close_connection(struct connection *connection) {
    for (size_t place = 0; place < count; place++)
        if (all[place] == connection) all[place] = all[--count];
    close(connection->fd);
    free(connection->input.at);
    free(connection->pending.at);
    free(connection->kept.at);
    free(connection);
}

/* Sends all of it or keeps the rest for when the socket is ready. Answers with how much went out, or -1. */
static ssize_t put(struct connection *connection, const char *data, size_t size) {
    ssize_t sent = send(connection->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0) sent = 0;
    if ((size_t)sent < size) watch(connection, true);
    return sent;
}

/* Sends the next event if it is due. Answers false when the client is gone. */
static bool step(struct connection *connection, uint64_t now) {
    struct event *event = &events[connection->next];
    if (event->stamp && connection->due > now) return true;
    if (event->stamp) {
        uint64_t stamp = now_ns();
        for (int digit = STAMP_DIGITS - 1; digit >= 0; digit--, stamp /= 10)
            event->data[event->stamp + (size_t)digit] = (char)('0' + stamp % 10);
    }
    ssize_t sent = put(connection, event->data, event->size);
    if (sent < 0) return false;
    if (!sent) return true; /* it is stamped anew when the socket is ready */
    if ((size_t)sent < event->size) add(&connection->pending, event->data + sent, event->size - (size_t)sent);
    add(&connection->kept, event->data + event->payload, event->payload_size);
    if (event->stamp && interval)
        connection->due = connection->began + connection->phase + ++connection->deltas * interval;
    if (++connection->next == event_count) {
        connection->streaming = false;
        struct bytes spare = last;
        last = connection->kept;
        connection->kept = spare;
    }
    return true;
}

static void begin_stream(struct connection *connection) {
    static unsigned number;
    connection->streaming = true;
    connection->next = connection->deltas = connection->kept.size = 0;
    connection->began = connection->due = now_ns();
    /* The first delta goes at once; those after it are spread over the interval, by the golden ratio. */
    connection->phase = (uint64_t)(number++ * 2654435769u) * interval >> 32;
}

static void answer(struct connection *connection, const char *status, const char *type, const char *text, size_t size) {
    char head[160];
    int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n\r\n", status,
                          type, size);
    add(&connection->pending, head, (size_t)length);
    add(&connection->pending, text, size);
    watch(connection, true);
}

/* Acts on a complete head. */
static void begin_request(struct connection *connection, char *head, size_t size) {
    head[size - 1] = 0;
    char method[8] = "", path[512] = "";
    sscanf(head, "%7s %511s", method, path);
    size_t length = strlen(path);
    static const char chat[] = "/chat/completions";
    connection->answered = true;
    if (!strcmp(method, "POST") && length >= sizeof chat - 1 && !strcmp(path + length - (sizeof chat - 1), chat)) {
        connection->answered = false;
    } else if (!strncmp(path, "/load/", 6)) {
        load_script(path + 5);
        answer(connection, "200 OK", "text/plain", "loaded\n", 7);
    } else if (!strcmp(path, "/last")) {
        answer(connection, "200 OK", "text/plain", last.at ? last.at : "", last.size);
    } else if (!strcmp(path, "/v1/models")) {
        answer(connection, "200 OK", "application/json", MODELS, sizeof MODELS - 1);
    } else {
        answer(connection, "404 Not Found", "application/json", "{\"error\":{\"message\":\"no such path\"}}", 36);
    }
}

/* Reads requests; the body of each is thrown away. Answers false when the client is gone. */
static bool receive(struct connection *connection) {
    static char part[262144];
    ssize_t got = recv(connection->fd, part, sizeof part, MSG_DONTWAIT);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    struct bytes *input = &connection->input;
    const char *data = part;
    size_t size = (size_t)got;
    while (size || (connection->in_body && connection->body.ended)) {
        if (!connection->in_body) {
            add(input, data, size);
            char *end = memmem(input->at, input->size, "\r\n\r\n", 4);
            if (!end) return true;
            size_t head = (size_t)(end + 4 - input->at);
            connection->body = body_of(input->at, head, false);
            connection->in_body = true;
            begin_request(connection, input->at, head);
            /* What came behind the head is the end of this part. */
            data += size - (input->size - head);
            size = input->size - head;
            input->size = 0;
        }
        size_t used = body_read(&connection->body, data, size, NULL);
        data += used, size -= used;
        if (!connection->body.ended) return true;
        connection->in_body = false;
        if (!connection->answered) begin_stream(connection);
    }
    return true;
}

static void accept_one(int server) {
    int fd = accept(server, NULL, NULL), on = 1;
    if (fd < 0) return;
    if (count == sizeof all / sizeof *all) die("more than %zu connections", count);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) die("out of memory");
    connection->fd = fd;
    all[count++] = connection;
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted)) die("epoll_ctl: %s", strerror(errno));
}

/* The socket takes more. */
static bool resume(struct connection *connection) {
    ssize_t sent = put(connection, connection->pending.at, connection->pending.size);
    if (sent < 0) return false;
    drop(&connection->pending, (size_t)sent);
    if (!connection->pending.size) watch(connection, false);
    return true;
}

static void serve(struct connection *connection, uint32_t happened) {
    bool alive = true;
    if (happened & EPOLLOUT) alive = resume(connection);
    if (alive && (happened & ~(uint32_t)EPOLLOUT)) alive = receive(connection);
    if (!alive) close_connection(connection);
}

/* One event of each stream that may send. Answers with when the next delta is due; 0: there is none. */
static uint64_t play(void) {
    uint64_t now = now_ns(), soonest = 0;
    for (size_t place = count; place-- > 0;) {
        struct connection *connection = all[place];
        if (!connection->streaming || connection->blocked) continue;
        if (!step(connection, now)) {
            close_connection(connection);
            continue;
        }
        if (!connection->streaming || connection->blocked) continue;
        uint64_t due = events[connection->next].stamp ? connection->due : 1;
        if (!soonest || due < soonest) soonest = due;
    }
    return soonest;
}

int main(void) {
    int server = socket(AF_INET, SOCK_STREAM, 0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(server, (struct sockaddr *)&address, length) || listen(server, 512)) die("listen: %s", strerror(errno));
    getsockname(server, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    poller = epoll_create1(0);
    epoll_ctl(poller, EPOLL_CTL_ADD, server, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &server});
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &timer});
    for (uint64_t soonest = 0;;) {
        struct epoll_event ready[64];
        bool now = soonest && soonest <= now_ns();
        if (soonest && !now) {
            struct itimerspec at = {.it_value = {(time_t)(soonest / 1000000000u), (long)(soonest % 1000000000u)}};
            timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
        }
        int happened = epoll_wait(poller, ready, 64, now ? 0 : -1);
        for (int place = 0; place < happened; place++) {
            void *what = ready[place].data.ptr;
            uint64_t rings;
            if (what == &server) accept_one(server);
            else if (what == &timer) (void)!read(timer, &rings, sizeof rings);
            else serve(what, ready[place].events);
        }
        soonest = play();
    }
}
