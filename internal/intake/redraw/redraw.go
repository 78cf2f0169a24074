// Package redraw writes pictures anew, which leaves place, camera and owner
// behind: what is not to be seen in them is not in the copy.
package redraw

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"slices"
)

// maxPixels is more than cameras take; wider pictures would fill the memory.
const maxPixels = 30_000_000

// drawing bounds how many pictures are in memory at a time.
var drawing = make(chan struct{}, 1)

// Picture decodes a JPEG or PNG and encodes what is seen of it, and returns
// that and its media type; nil where data is neither, or is broken or too large.
func Picture(ctx context.Context, data []byte) (copied []byte, kind string) {
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || config.Width <= 0 || config.Height <= 0 || config.Width > maxPixels/config.Height {
		return nil, ""
	}
	select {
	case drawing <- struct{}{}:
		defer func() { <-drawing }()
	case <-ctx.Done():
		return nil, ""
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, ""
	}
	var out bytes.Buffer
	if format == "jpeg" {
		err = jpeg.Encode(&out, upright(picture, orientation(data)), &jpeg.Options{Quality: 92})
	} else {
		err = png.Encode(&out, picture)
	}
	if err != nil {
		return nil, ""
	}
	return out.Bytes(), "image/" + format
}

// orientation returns how the camera was held, as the picture's Exif data says
// it: 1 upright to 8. Once these are gone the pixels themselves must be turned.
func orientation(data []byte) int {
	for at := 2; at+4 <= len(data) && data[at] == 0xff && data[at+1] != 0xda; {
		size := int(data[at+2])<<8 | int(data[at+3])
		if size < 2 || at+2+size > len(data) {
			return 1
		}
		if segment := data[at+4 : at+2+size]; data[at+1] == 0xe1 && bytes.HasPrefix(segment, []byte("Exif\x00\x00")) {
			return exifOrientation(segment[6:])
		}
		at += 2 + size
	}
	return 1
}

// exifOrientation reads tag 0x0112 of the first directory of a TIFF block.
func exifOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	first := int64(order.Uint32(b[4:]))
	if first < 8 || first+2 > int64(len(b)) {
		return 1
	}
	entries := b[first+2:]
	for range order.Uint16(b[first:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if o := order.Uint16(entries[8:]); o >= 1 && o <= 8 {
				return int(o)
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// upright turns and mirrors a picture as its orientation says it is to be seen.
func upright(p image.Image, orientation int) image.Image {
	if orientation == 1 {
		return p
	}
	swap := orientation >= 5
	right := slices.Contains([]int{2, 3, 6, 7}, orientation)
	down := slices.Contains([]int{3, 4, 7, 8}, orientation)
	from := p.Bounds()
	size := image.Rect(0, 0, from.Dx(), from.Dy())
	if swap {
		size = image.Rect(0, 0, from.Dy(), from.Dx())
	}
	out := image.NewRGBA(size)
	for y := range from.Dy() {
		for x := range from.Dx() {
			tx, ty := x, y
			if swap {
				tx, ty = y, x
			}
			if right {
				tx = size.Dx() - 1 - tx
			}
			if down {
				ty = size.Dy() - 1 - ty
			}
			out.Set(tx, ty, p.At(from.Min.X+x, from.Min.Y+y))
		}
	}
	return out
}
