/* What the fake upstream and the load client share: clocks, growing buffers, and the framing of HTTP/1.1 bodies.
 *
 * It must not open a connection and must not know what a body means.
 */
#ifndef WIRE_H
#define WIRE_H
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* A stamp is '@' and the CLOCK_MONOTONIC nanoseconds of the sending, in so many digits. */
#define STAMP_DIGITS 20

static _Noreturn void die(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(1);
}

static inline uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct bytes {
    char *at;
    size_t size, room;
};

static inline void add(struct bytes *to, const void *data, size_t size) {
    if (to->size + size > to->room) {
        to->room = 2 * (to->size + size);
        to->at = realloc(to->at, to->room);
        if (!to->at) die("out of memory");
    }
    memcpy(to->at + to->size, data, size);
    to->size += size;
}

/* Takes bytes away from the front. */
static inline void drop(struct bytes *from, size_t size) {
    from->size -= size;
    memmove(from->at, from->at + size, from->size);
}

static inline struct bytes read_file(const char *path) {
    struct bytes content = {0};
    char part[65536];
    FILE *file = fopen(path, "rb");
    if (!file) die("%s: %s", path, strerror(errno));
    for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;) add(&content, part, size);
    fclose(file);
    return content;
}

/* The value of a header in a complete head, or NULL; it ends at "\r\n". */
static inline const char *header(const char *head, size_t size, const char *name) {
    size_t length = strlen(name);
    const char *end = head + size, *line = head;
    while ((line = memchr(line, '\n', (size_t)(end - line))) && ++line + length < end)
        if (!strncasecmp(line, name, length) && line[length] == ':') {
            for (line += length + 1; *line == ' ';) line++;
            return line;
        }
    return NULL;
}

/* How far a body has been read. */
struct body {
    enum { BY_LENGTH, BY_CHUNKS, UNTIL_CLOSE } framing;
    enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_END, TRAILER } state;
    uint64_t left; /* of the body, or of this chunk */
    bool empty_line, ended;
};

/* The body that a head announces; without any framing it is empty, or lasts until the connection closes. */
static inline struct body body_of(const char *head, size_t size, bool may_last) {
    struct body body = {.framing = BY_LENGTH, .empty_line = true};
    const char *encoding = header(head, size, "transfer-encoding"), *length = header(head, size, "content-length");
    if (encoding && !strncasecmp(encoding, "chunked", 7))
        body.framing = BY_CHUNKS;
    else if (length)
        body.left = strtoull(length, NULL, 10);
    else if (may_last)
        body.framing = UNTIL_CLOSE;
    body.ended = body.framing == BY_LENGTH && !body.left;
    return body;
}

/* One byte of the framing of chunks. */
static inline void frame_byte(struct body *body, char byte) {
    switch (body->state) {
    case CHUNK_SIZE:
        if (isxdigit((unsigned char)byte)) {
            body->left = body->left * 16 + (uint64_t)(isdigit((unsigned char)byte) ? byte - '0' : (byte | 32) - 'a' + 10);
            body->empty_line = false;
            break;
        }
        if (body->empty_line) die("a chunk has no size");
        body->state = CHUNK_EXTENSION;
        /* fall through */
    case CHUNK_EXTENSION:
        if (byte == '\n') {
            body->state = body->left ? CHUNK_DATA : TRAILER;
            body->empty_line = true;
        }
        break;
    case CHUNK_END:
        if (byte == '\n') body->state = CHUNK_SIZE;
        else if (byte != '\r') die("a chunk is longer than its size");
        break;
    case TRAILER:
        if (byte == '\n') {
            body->ended = body->empty_line;
            body->empty_line = true;
        } else if (byte != '\r') {
            body->empty_line = false;
        }
        break;
    case CHUNK_DATA:
        break;
    }
}

/* Reads what arrived, into a buffer if there is one; answers with how many bytes belonged to the body. */
static inline size_t body_read(struct body *body, const char *data, size_t size, struct bytes *into) {
    size_t used = 0;
    while (used < size && !body->ended) {
        if (body->framing == BY_CHUNKS && body->state != CHUNK_DATA) {
            frame_byte(body, data[used++]);
            continue;
        }
        size_t part = size - used;
        if (body->framing != UNTIL_CLOSE && part > body->left) part = body->left;
        if (into) add(into, data + used, part);
        used += part;
        if (body->framing == UNTIL_CLOSE) continue;
        body->left -= part;
        if (!body->left && body->framing == BY_CHUNKS) body->state = CHUNK_END;
        if (!body->left && body->framing == BY_LENGTH) body->ended = true;
    }
    return used;
}
#endif
