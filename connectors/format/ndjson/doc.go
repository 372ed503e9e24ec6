// Package ndjson is the format 'json': a JSON object per record, which is a line
// in a file. It joins the decoder of format/json to the interface of transports
// and writes objects with the texts of package format.
package ndjson
