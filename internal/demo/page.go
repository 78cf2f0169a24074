package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"

	"example.org/countersign/internal/id"
)

var (
	formKey = regexp.MustCompile(`name="key" value="([^"]+)"`)
	tag     = regexp.MustCompile(`</?span[^>]*>`)
)

// fillIn fills in the report page as a browser would and returns the number
// that the receipt shows.
func (d *Demo) fillIn(ctx context.Context, s *story) (number string, err error) {
	page, err := d.request(ctx, http.MethodGet, "", nil)
	if err != nil {
		return "", err
	}
	key := formKey.FindSubmatch(page)
	if key == nil {
		return "", fmt.Errorf("the report page has no form")
	}
	who := "name"
	if s.hidden {
		who = "anonymous"
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range map[string]string{"key": string(key[1]), "about": "incident", "subject": s.subject, "text": s.text,
		"who": who, "name": s.name, "email": s.address} {
		if err := form.WriteField(name, value); err != nil {
			return "", err
		}
	}
	if err := form.Close(); err != nil {
		return "", err
	}
	receipt, err := d.request(ctx, http.MethodPost, form.FormDataContentType(), &body)
	if err != nil {
		return "", err
	}
	number, ok := id.FindNumber(string(tag.ReplaceAll(receipt, nil)))
	if !ok {
		return "", fmt.Errorf("the receipt shows no number")
	}
	return number, nil
}

// request asks for the report page, or sends it.
func (d *Demo) request(ctx context.Context, method, mediaType string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.App.Config.URL+"/report?lang=en", body)
	if err != nil {
		return nil, err
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	answer, err := d.App.Local().Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the report page answered %d", answer.StatusCode)
	}
	return page, err
}
