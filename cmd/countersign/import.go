package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"example.org/countersign/client"
	"example.org/countersign/internal/fault"
	"example.org/countersign/internal/intake"
)

type importCommand struct {
	installation
	Channel string   `required:"" env:"COUNTERSIGN_CHANNEL" placeholder:"ADDRESS" help:"Approved channel that the mails belong to."`
	JSON    bool     `name:"json" help:"Print the result as JSON."`
	Paths   []string `arg:"" name:"path" help:".eml files, mbox files, and directories with any of them."`
}

// Run records the mails. What is refused is told with its reason and does not
// make the import a failure, unless there was no mail at all.
func (c *importCommand) Run(ctx context.Context, std stdio) error {
	api, release, err := c.connect(ctx, true)
	if err != nil {
		return err
	}
	defer release()
	progress := bar(std, -1, "importing")
	result, err := intake.Import(ctx, c.Paths, func(ctx context.Context, raw io.Reader) (bool, error) {
		r, err := api.Receive(ctx, c.Channel, "import", raw)
		switch client.Status(err) {
		case 0:
			return err == nil && r.Duplicate, err
		case 413, 422:
			return false, fault.New(fault.Invalid, "%s", err.Error())
		}
		return false, err
	}, func(r intake.Result) { progress.Set(r.Read) })
	progress.Finish()
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(std.out).Encode(result)
	} else {
		err = tell(std.out, result)
	}
	if err == nil && result.Read == 0 && len(result.Refused) > 0 {
		return &exit{code: exitFailed}
	}
	return err
}

// tell prints a result for people.
func tell(w io.Writer, r *intake.Result) error {
	for _, x := range r.Refused {
		fmt.Fprintf(w, "refused   %s: %s\n", x.Path, x.Reason)
	}
	_, err := fmt.Fprintf(w, "%d read, %d recorded, %d duplicates, %d refused\n", r.Read, r.Recorded, r.Duplicates, len(r.Refused))
	return err
}
