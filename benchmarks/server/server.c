/* An HTTP/1.1 server that costs next to nothing: it answers every request with a reply that it was given whole.

   usage: server FOLDER

   It listens on a free port of 127.0.0.1 and prints the port. The first segment of a request's path names a file in
   FOLDER, whose bytes are the reply, head and all: POST /chat/v1/chat/completions is answered with FOLDER/chat.
   It ends when its standard input does. POSIX only, and nothing beyond poll(). */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_CONNECTIONS 4096
#define MOST_REPLIES 32
#define LONGEST_HEAD (64 * 1024)

typedef struct { char name[64]; char *bytes; size_t size; } Reply;

/* What has been received is thrown away once it is understood: only the head is kept, to be searched. */
typedef struct {
    int fd;
    char head[LONGEST_HEAD];
    size_t received;         /* bytes in head */
    size_t body_left;        /* bytes of the body that have still to come */
    const Reply *answer;     /* what to send once the body is there */
    const char *unsent;
    size_t unsent_size;
} Connection;

static Reply replies[MOST_REPLIES];
static int reply_count;
static Connection *connections[MOST_CONNECTIONS];
static struct pollfd polled[MOST_CONNECTIONS + 2];
static int connection_count;

static void fail(const char *what) { perror(what); exit(1); }

static void load(const char *folder) {
    DIR *directory = opendir(folder);
    if (!directory) fail(folder);
    for (struct dirent *entry; (entry = readdir(directory)) && reply_count < MOST_REPLIES;) {
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof replies[0].name) continue;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "rb");
        if (!file) fail(path);
        Reply *reply = &replies[reply_count++];
        strcpy(reply->name, entry->d_name);
        fseek(file, 0, SEEK_END);
        reply->size = (size_t)ftell(file);
        rewind(file);
        reply->bytes = malloc(reply->size + 1);
        if (!reply->bytes || fread(reply->bytes, 1, reply->size, file) != reply->size) fail(path);
        fclose(file);
    }
    closedir(directory);
}

static const Reply *named(const char *head, const char *end) {
    static const char missing[] = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    static const Reply none = {"", (char *)missing, sizeof missing - 1};
    const char *name = memchr(head, '/', (size_t)(end - head));
    if (!name++) return &none;
    size_t length = strcspn(name, "/ \r");
    for (int i = 0; i < reply_count; i++)
        if (strlen(replies[i].name) == length && !memcmp(replies[i].name, name, length)) return &replies[i];
    return &none;
}

static size_t content_length(const char *head, const char *end) {
    for (const char *line = head; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        if (!strncasecmp(line, "content-length:", 15)) return (size_t)strtoul(line + 15, NULL, 10);
        if (!next) break;
        line = next + 1;
    }
    return 0;
}

static void drop(int index) {
    close(connections[index]->fd);
    free(connections[index]);
    connections[index] = connections[--connection_count];
}

/* 0 if the connection is gone */
static int push(Connection *connection) {
    while (connection->unsent_size) {
        ssize_t sent = send(connection->fd, connection->unsent, connection->unsent_size, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        connection->unsent += sent;
        connection->unsent_size -= (size_t)sent;
    }
    return 1;
}

static int receive(Connection *connection) {
    static char scrap[64 * 1024];
    if (connection->body_left) {
        size_t wanted = connection->body_left < sizeof scrap ? connection->body_left : sizeof scrap;
        ssize_t count = recv(connection->fd, scrap, wanted, 0);
        if (count <= 0) return count < 0 && errno == EAGAIN;
        connection->body_left -= (size_t)count;
    } else {
        size_t room = LONGEST_HEAD - connection->received;
        ssize_t count = room ? recv(connection->fd, connection->head + connection->received, room, 0) : 0;
        if (count <= 0) return count < 0 && errno == EAGAIN;
        connection->received += (size_t)count;
        char *end = memmem(connection->head, connection->received, "\r\n\r\n", 4);
        if (!end) return 1;
        size_t body = content_length(connection->head, end);
        size_t there = connection->received - (size_t)(end + 4 - connection->head);
        connection->answer = named(connection->head, end);
        connection->body_left = body > there ? body - there : 0;
        connection->received = 0; /* clients that send the next request before the reply are not served */
    }
    if (connection->body_left || !connection->answer) return 1;
    connection->unsent = connection->answer->bytes;
    connection->unsent_size = connection->answer->size;
    connection->answer = NULL;
    return push(connection);
}

static void admit(int listener) {
    for (int fd; connection_count < MOST_CONNECTIONS && (fd = accept(listener, NULL, NULL)) >= 0;) {
        int on = 1;
        Connection *connection = calloc(1, sizeof *connection);
        if (!connection) fail("calloc");
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection->fd = fd;
        connections[connection_count++] = connection;
    }
}

static int listening(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 1024)) fail("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &size)) fail("getsockname");
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int count, char **arguments) {
    if (count != 2) return fprintf(stderr, "usage: %s FOLDER\n", arguments[0]), 2;
    signal(SIGPIPE, SIG_IGN);
    load(arguments[1]);
    int listener = listening();
    for (;;) {
        polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        polled[1] = (struct pollfd){.fd = 0, .events = POLLIN};
        int known = connection_count;
        for (int i = 0; i < known; i++)
            polled[i + 2] = (struct pollfd){.fd = connections[i]->fd, .events = connections[i]->unsent_size ? POLLOUT : POLLIN};
        if (poll(polled, (nfds_t)known + 2, -1) < 0) continue;
        /* from the last to the first: dropping one moves the last into its place */
        for (int i = known - 1; i >= 0; i--) {
            short seen = polled[i + 2].revents;
            if (!seen) continue;
            Connection *connection = connections[i];
            if (!(seen & POLLOUT ? push(connection) : receive(connection))) drop(i);
        }
        if (polled[0].revents) admit(listener);
        char byte;
        if (polled[1].revents && read(0, &byte, 1) <= 0) return 0;
    }
}
