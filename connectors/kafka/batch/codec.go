package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Codec is how the records of a batch are compressed.
type Codec uint8

// The codecs, numbered as in the attributes of a batch.
const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// Codecs are the names of the codecs in Kafka's settings, by their numbers.
var Codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// String gives the codec's name in Kafka's settings.
func (c Codec) String() string {
	if int(c) < len(Codecs) {
		return Codecs[c]
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

// Decompressor opens the payloads of batches. It belongs to one goroutine at a time.
type Decompressor struct {
	// Limit is the most bytes that a payload may have; a longer one is an error. 0:
	// 1 GiB.
	Limit int

	source bytes.Reader
	gzip   *gzip.Reader
	lz4    *lz4.Reader
	zstd   *zstd.Decoder
}

const defaultLimit = 1 << 30

func (d *Decompressor) limit() int {
	if d.Limit > 0 {
		return d.Limit
	}
	return defaultLimit
}

// Close gives up what the decompressor holds.
func (d *Decompressor) Close() {
	if d.zstd != nil {
		d.zstd.Close()
		d.zstd = nil
	}
}

// Payload gives the records of a whole batch: a part of data if they are not
// compressed, else in scratch, which is given back grown, for the next call.
func (d *Decompressor) Payload(h *Header, data, scratch []byte) (payload, grown []byte, err error) {
	if h.Codec() == None {
		return data[HeaderSize:h.Size], scratch, nil
	}
	// Decoders of compressed data are large; a panic on damaged data must be no
	// more than an error of this batch.
	defer func() {
		if r := recover(); r != nil {
			payload, grown, err = nil, nil, fmt.Errorf("the %s data panics: %v", h.Codec(), r)
		}
		if err != nil {
			err = fmt.Errorf("the record batch of offsets %d to %d can't be decompressed: %w", h.BaseOffset, h.LastOffset(), err)
		}
	}()
	grown, err = d.decompress(h.Codec(), data[HeaderSize:h.Size], scratch[:0])
	return grown, grown, err
}

func (d *Decompressor) decompress(c Codec, src, dst []byte) ([]byte, error) {
	switch c {
	case Gzip:
		d.source.Reset(src)
		if d.gzip == nil {
			d.gzip = new(gzip.Reader)
		}
		if err := d.gzip.Reset(&d.source); err != nil {
			return dst, err
		}
		return d.readAll(d.gzip, dst)
	case Snappy:
		return d.snappy(src, dst)
	case LZ4:
		d.source.Reset(src)
		if d.lz4 == nil {
			d.lz4 = lz4.NewReader(&d.source)
		} else {
			d.lz4.Reset(&d.source)
		}
		return d.readAll(d.lz4, dst)
	case Zstd:
		if d.zstd == nil {
			var err error
			d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(d.limit())))
			if err != nil {
				return dst, err
			}
		}
		// A block, of three bytes at least, stands for 128 KiB at most.
		var h zstd.Header
		if err := h.Decode(src); err == nil && h.HasFCS && h.FrameContentSize>>17 > uint64(len(src)) {
			return dst, errTooShort
		}
		return d.zstd.DecodeAll(src, dst)
	}
	return dst, fmt.Errorf("%s is unknown", c)
}

var (
	errTooLong = errors.New("it grows beyond the limit")
	// errTooShort is found before memory is taken for what it says.
	errTooShort = errors.New("it is shorter than it says")
)

func (d *Decompressor) readAll(r io.Reader, dst []byte) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst) > d.limit() {
			return dst, errTooLong
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// xerial begins the framing that Java's snappy library puts around blocks: this
// magic, two versions of 4 bytes each, then blocks with their lengths.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = 16

func (d *Decompressor) snappy(src, dst []byte) ([]byte, error) {
	if !bytes.HasPrefix(src, xerial) {
		return d.snappyBlock(src, dst)
	}
	if len(src) < xerialHeader {
		return dst, io.ErrUnexpectedEOF
	}
	for src = src[xerialHeader:]; len(src) > 0; {
		if len(src) < 4 {
			return dst, io.ErrUnexpectedEOF
		}
		n := int(binary.BigEndian.Uint32(src))
		if src = src[4:]; n > len(src) {
			return dst, io.ErrUnexpectedEOF
		}
		var err error
		if dst, err = d.snappyBlock(src[:n], dst); err != nil {
			return dst, err
		}
		src = src[n:]
	}
	return dst, nil
}

func (d *Decompressor) snappyBlock(src, dst []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return dst, err
	}
	if n > d.limit()-len(dst) {
		return dst, errTooLong
	}
	if n/64 > len(src) { // no three bytes stand for more than 64
		return dst, errTooShort
	}
	for cap(dst)-len(dst) < n {
		dst = append(dst[:cap(dst)], 0)[:len(dst)]
	}
	block, err := snappy.Decode(dst[len(dst):len(dst)+n], src)
	return dst[:len(dst)+len(block)], err
}

// Compressor compresses the payloads of batches. It belongs to one goroutine.
type Compressor struct {
	gzip *gzip.Writer
	lz4  *lz4.Writer
	zstd *zstd.Encoder
}

// writerTo lets writers append to a slice.
type writerTo struct{ b []byte }

func (w *writerTo) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// append appends src, compressed, to dst.
func (c *Compressor) append(codec Codec, dst, src []byte) ([]byte, error) {
	switch codec {
	case None:
		return append(dst, src...), nil
	case Gzip:
		w := &writerTo{dst}
		if c.gzip == nil {
			c.gzip = gzip.NewWriter(w)
		} else {
			c.gzip.Reset(w)
		}
		if _, err := c.gzip.Write(src); err != nil {
			return dst, err
		}
		err := c.gzip.Close()
		return w.b, err
	case Snappy:
		// As Java's library frames it, which all consumers take.
		dst = append(dst, xerial...)
		dst = binary.BigEndian.AppendUint32(dst, 1)
		dst = binary.BigEndian.AppendUint32(dst, 1)
		const block = 64 << 10
		for len(src) > 0 {
			n := min(block, len(src))
			at := len(dst)
			dst = append(dst, 0, 0, 0, 0)
			room := s2.MaxEncodedLen(n)
			for cap(dst)-len(dst) < room {
				dst = append(dst[:cap(dst)], 0)[:len(dst)]
			}
			out := s2.EncodeSnappy(dst[len(dst):len(dst)+room], src[:n])
			dst = dst[:len(dst)+len(out)]
			binary.BigEndian.PutUint32(dst[at:], uint32(len(out)))
			src = src[n:]
		}
		return dst, nil
	case LZ4:
		w := &writerTo{dst}
		if c.lz4 == nil {
			c.lz4 = lz4.NewWriter(w)
			// Linked blocks are unknown to Java's reader.
			if err := c.lz4.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)); err != nil {
				return dst, err
			}
		} else {
			c.lz4.Reset(w)
		}
		if _, err := c.lz4.Write(src); err != nil {
			return dst, err
		}
		err := c.lz4.Close()
		return w.b, err
	case Zstd:
		if c.zstd == nil {
			var err error
			if c.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
				return dst, err
			}
		}
		return c.zstd.EncodeAll(src, dst), nil
	}
	return dst, fmt.Errorf("%s is unknown", codec)
}
