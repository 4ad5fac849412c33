package files

import (
	"sync"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// zstdCodec compresses the pages of Parquet files with encoders whose windows are as long as a page. Those of Arrow's
// codec have windows of 4 and 8 MiB, of which a page never fills more than its own length, and one for each page that is
// being compressed lives on in a pool: they took 90 MB of memory, a fifth of all, and more time.
type zstdCodec struct {
	compress.Codec
	level1, level3 *zstd.Encoder
}

// zstdWindow is the length of a page; only a page of one long value is longer.
const zstdWindow = 1 << 20

// useZstdCodec makes Arrow use zstdCodec from now on. No Parquet file may be read or written meanwhile.
var useZstdCodec = sync.OnceValue(func() error {
	arrows, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		return err
	}
	c := zstdCodec{Codec: arrows}
	if c.level1, err = newZstd(zstd.SpeedFastest); err != nil {
		return err
	}
	if c.level3, err = newZstd(zstd.SpeedDefault); err != nil {
		return err
	}
	compress.RegisterCodec(compress.Codecs.Zstd, c)
	return nil
})

func newZstd(level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(zstdWindow), zstd.WithZeroFrames(true))
}

// EncodeLevel implements [compress.Codec] for the two levels that columns are given (see [parquetFile.settings]). It may
// be called by several goroutines at once, as many as there are processors without waiting for each other.
func (c zstdCodec) EncodeLevel(dst, src []byte, level int) []byte {
	if level == 1 {
		return c.level1.EncodeAll(src, dst[:0])
	}
	return c.level3.EncodeAll(src, dst[:0])
}
