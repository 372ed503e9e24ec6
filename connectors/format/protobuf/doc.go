// Package protobuf is the format 'protobuf': messages in the wire format of
// Protocol Buffers, read straight into the buffers of Arrow arrays.
//
// The type of the messages comes of .proto files or of a descriptor set. Columns
// are found by the names of its fields; what no column reads is passed over by its
// length. A field that comes several times has its last value, a repeated one all
// of them, in packed form or not; the parts of a message field that comes several
// times are taken for one message.
//
// What flows in: messages. What flows out: rows and the errors beside them.
package protobuf
