package parquet

import (
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/pierrec/lz4/v4"
)

// lz4Raw is Parquet's codec LZ4_RAW, blocks of LZ4 without a frame, which the library
// leaves to others. Files are read with it, not written.
type lz4Raw struct{}

func init() {
	const code = 7 // of parquet.thrift
	compress.RegisterCodec(compress.Compression(code), lz4Raw{})
}

// Decode implements compress.Codec. The library asks for errors as panics.
func (lz4Raw) Decode(dst, src []byte) []byte {
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		panic(fmt.Errorf("LZ4: %w", err))
	}
	return dst[:n]
}

// Encode implements compress.Codec.
func (c lz4Raw) Encode(dst, src []byte) []byte { return c.EncodeLevel(dst, src, 0) }

// EncodeLevel implements compress.Codec.
func (lz4Raw) EncodeLevel(dst, src []byte, _ int) []byte {
	if bound := lz4.CompressBlockBound(len(src)); len(dst) < bound {
		dst = make([]byte, bound)
	}
	var c lz4.Compressor
	n, err := c.CompressBlock(src, dst)
	if err != nil {
		panic(fmt.Errorf("LZ4: %w", err))
	}
	return dst[:n]
}

// CompressBound implements compress.Codec.
func (lz4Raw) CompressBound(n int64) int64 { return int64(lz4.CompressBlockBound(int(n))) }

// NewReader implements compress.Codec. Parquet compresses blocks, never streams.
func (lz4Raw) NewReader(r io.Reader) io.ReadCloser { return io.NopCloser(lz4.NewReader(r)) }

// NewWriter implements compress.Codec.
func (lz4Raw) NewWriter(w io.Writer) io.WriteCloser { return lz4.NewWriter(w) }

// NewWriterLevel implements compress.Codec.
func (c lz4Raw) NewWriterLevel(w io.Writer, _ int) (io.WriteCloser, error) {
	return c.NewWriter(w), nil
}
