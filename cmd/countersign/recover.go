package main

import (
	"context"
	"encoding/json"
	"fmt"
)

type recoverCommand struct {
	installation
	Reason string `placeholder:"TEXT" help:"Accept the loss, for this reason, and seal again. Without it nothing is changed."`
	JSON   bool   `name:"json" help:"Print the result as JSON."`
}

// Help says more than fits beside the flags.
func (recoverCommand) Help() string {
	return `Sealing stops where witnesses have seen more of the log than there is: the database was set back, to an old backup for instance, and going on would fork the log. What arrives meanwhile is kept in the spool; nothing is refused.

Without --reason the command says whether sealing has stopped, and why, and ends with 3 where it has.

If the newer data exist, stop the server and put them back: then there is nothing to recover. If they are lost, accept the loss with --reason. The log then goes on under a new name, what was spooled is taken into it, and a record says what was lost, why, and what the witnesses showed. Give the new key that is printed to the witnesses.`
}

// Run says whether sealing has stopped, or resumes it.
func (c *recoverCommand) Run(ctx context.Context, std stdio) error {
	api, release, err := c.connect(ctx, false)
	if err != nil {
		return err
	}
	defer release()
	if c.Reason == "" {
		s, err := api.Sealing(ctx)
		switch {
		case err != nil:
			return err
		case c.JSON:
			if err := json.NewEncoder(std.out).Encode(s); err != nil {
				return err
			}
		case s.Halted == "":
			fmt.Fprintln(std.out, "The log is being sealed: there is nothing to recover from.")
		default:
			fmt.Fprintf(std.out, "Sealing has stopped: %s.\ncountersign recover --help says what to do.\n", s.Halted)
		}
		if s.Halted != "" {
			return &exit{code: exitHalted}
		}
		return nil
	}
	r, err := api.Recover(ctx, c.Reason)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(std.out).Encode(r)
	}
	fmt.Fprintf(std.out, "The log is being sealed again, with %d entries where %d had been seen.\nIts new key, for witnesses and auditors:\n  %s\n",
		r.Recovery.Entries, r.Recovery.Seen, r.Key)
	return nil
}
