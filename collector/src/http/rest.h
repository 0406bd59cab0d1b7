/* http/rest.h: an answer whose body is made piece by piece while it is sent (struct http_rest).
 *
 * One piece is on its way to the client while a worker makes the next one; a client that reads slowly holds
 * those two and no worker. What goes out is chunked, and packed where the client takes gzip. Private to this
 * folder. */
#ifndef HTTP_REST_H
#define HTTP_REST_H

#include "http/loop.h"

struct rest;

/* On a worker, with a response that has a rest and went through respond_finish: its first piece gets the form
 * in which it is sent. NULL without memory. */
struct rest *rest_open(struct loop *loop, struct http_response *res);
/* On the loop, where it belongs to the request from now on. The response's head is set. */
void rest_send(struct rest *rest, h2o_req_t *req);
/* Instead of sending it: its connection is gone. */
void rest_free(struct rest *rest);

#endif
