// Package ndjson is the format 'json': a JSON object per record, which is a line
// in a file. It joins the decoder and encoder of format/json to the interface of
// transports.
package ndjson
