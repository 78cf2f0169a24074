package intake

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"unicode/utf8"
)

// What is decoded to be written anew: wider pictures than cameras take would
// fill the memory.
const (
	maxPixels   = 30_000_000
	maxStripped = 30 << 20 // bytes of the file
)

// stripping bounds how many pictures are in memory at a time.
var stripping = make(chan struct{}, 1)

// withoutMetadata returns what a file of an anonymous report becomes. A
// picture is decoded and written anew, which leaves place, camera and owner
// behind: staff see the copy, and the original stays sealed and hidden. Text
// has nothing but itself. Whatever else may name its author is hidden until
// somebody has it shown by an act of its own.
func (d *Desk) withoutMetadata(ctx context.Context, a Attachment) ([]Attachment, error) {
	r, err := d.blob(ctx, a.Blob)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if a.Size <= maxStripped {
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("read upload: %w", err)
		}
		if utf8.Valid(data) && bytes.IndexByte(data, 0) < 0 && a.Type == "text/plain" {
			return []Attachment{a}, nil
		}
		copied, kind := redraw(ctx, data)
		if copied != nil {
			ref, err := d.ledger.Blobs().Put(bytes.NewReader(copied))
			if err != nil {
				return nil, unavailable(err)
			}
			shown := Attachment{Name: a.Name, Type: kind, Size: ref.Size, SHA256: ref.SHA256, Blob: ref, Note: "metadata removed"}
			a.Hidden, a.Note = true, "original, may carry metadata"
			return []Attachment{shown, a}, nil
		}
	}
	a.Hidden, a.Note = true, "may carry metadata"
	return []Attachment{a}, nil
}

// redraw decodes a JPEG or PNG and encodes what is seen of it; nil where data
// is neither, or is broken or too large.
func redraw(ctx context.Context, data []byte) (copied []byte, kind string) {
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || config.Width <= 0 || config.Height <= 0 || config.Width > maxPixels/config.Height {
		return nil, ""
	}
	select {
	case stripping <- struct{}{}:
		defer func() { <-stripping }()
	case <-ctx.Done():
		return nil, ""
	}
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, ""
	}
	var out bytes.Buffer
	if format == "jpeg" {
		err = jpeg.Encode(&out, turned{picture, orientation(data)}.image(), &jpeg.Options{Quality: 92})
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
	u16 := func(at int) int { return int(b[at])<<8 | int(b[at+1]) }
	if b[0] == 'I' {
		u16 = func(at int) int { return int(b[at+1])<<8 | int(b[at]) }
	}
	first := u16(4)<<16 | u16(6)
	if b[0] == 'I' {
		first = u16(6)<<16 | u16(4)
	}
	if first < 8 || first+2 > len(b) {
		return 1
	}
	for i := range u16(first) {
		at := first + 2 + 12*i
		if at+12 > len(b) {
			return 1
		}
		if u16(at) == 0x0112 {
			if o := u16(at + 8); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
	}
	return 1
}

// turned is a picture as its orientation says it is to be seen.
type turned struct {
	from        image.Image
	orientation int
}

// image returns the picture upright.
func (t turned) image() image.Image {
	if t.orientation <= 1 {
		return t.from
	}
	b := t.from.Bounds()
	w, h := b.Dx(), b.Dy()
	size := image.Rect(0, 0, w, h)
	if t.orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			tx, ty := t.place(x, y, w, h)
			out.Set(tx, ty, t.from.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return out
}

// place says where a pixel goes.
func (t turned) place(x, y, w, h int) (int, int) {
	switch t.orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	}
	return y, w - 1 - x
}
