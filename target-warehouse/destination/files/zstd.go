package files

import (
	"runtime"
	"sync"

	"github.com/DataDog/zstd"
	"github.com/apache/arrow-go/v18/parquet/compress"
)

// zstdCodec compresses the pages of Parquet files by zstd's own library, which is written in C. The encoder that Arrow's
// codec has, which is written in Go, takes up to twice the time for pages that are no shorter, a tenth to a sixth of all
// that a load takes, and keeps windows of 4 and 8 MiB for each page that is being compressed.
type zstdCodec struct {
	compress.Codec
	encoders chan zstd.Ctx // one for each processor, as one compresses one page at a time
}

// zstdLevel is the level of columns that are given none: zstd's own default.
const zstdLevel = 3

// useZstdCodec makes Arrow use zstdCodec from now on. No Parquet file may be read or written meanwhile.
var useZstdCodec = sync.OnceValue(func() error {
	arrows, err := compress.GetCodec(compress.Codecs.Zstd)
	if err != nil {
		return err
	}
	c := zstdCodec{arrows, make(chan zstd.Ctx, runtime.GOMAXPROCS(0))}
	for range cap(c.encoders) {
		c.encoders <- zstd.NewCtx() // which takes little until it is used
	}
	compress.RegisterCodec(compress.Codecs.Zstd, c)
	return nil
})

// EncodeLevel implements [compress.Codec]. It may be called by several goroutines at once, as many as there are processors
// without waiting for each other.
func (c zstdCodec) EncodeLevel(dst, src []byte, level int) []byte {
	if level == compress.DefaultCompressionLevel {
		level = zstdLevel
	}
	encoder := <-c.encoders
	page, err := encoder.CompressLevel(dst[:0], src, level)
	c.encoders <- encoder
	if err != nil { // there is no memory for C
		return c.Codec.EncodeLevel(dst, src, level)
	}
	return page
}
