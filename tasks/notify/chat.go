package notify

import (
	"context"
	"errors"
	"io"
	"log"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// chats are the services that the library knows and that are told a line of text.
// Its own mail, webhooks and log are left out: ours hold to deadlines and say more.
func chats() []string {
	return []string{"bark", "discord", "googlechat", "gotify", "ifttt", "join", "lark", "matrix", "mattermost", "notifiarr", "ntfy", "opsgenie",
		"pagerduty", "pushbullet", "pushover", "rocketchat", "signal", "slack", "teams", "telegram", "wecom", "zulip"}
}

// Chat says whether a URL's scheme is that of a chat or a push service.
func Chat(scheme string) bool { return slices.Contains(chats(), scheme) }

// chat tells a service of the library one line.
type chat struct {
	base
	service types.Service
	busy    atomic.Bool
}

func newChat(b base) (Receiver, error) {
	silent := log.New(io.Discard, "", 0) // the library logs URLs
	r, err := router.New(silent)
	if err != nil {
		return nil, b.address.scrub(err)
	}
	service, err := r.Locate(b.address.URL.String())
	if err != nil {
		return nil, errors.New("the service's URL is not complete: " + b.address.scrub(err).Error())
	}
	return &chat{base: b, service: service}, nil
}

// Send hands the line to the library, which knows no context: what hangs in there is
// left alone, and nothing more is sent until it is back.
func (c *chat) Send(ctx context.Context, m *Message) error {
	if !c.busy.CompareAndSwap(false, true) {
		return Final{errors.New("the message before is still on its way")}
	}
	text := strings.NewReplacer("<", "(", ">", ")", "&", "+").Replace(m.Text) // Slack's own mark-up
	done := make(chan error, 1)
	go func() {
		defer c.busy.Store(false)
		done <- c.service.Send(text, &types.Params{})
	}()
	select {
	case err := <-done:
		return c.address.scrub(err)
	case <-ctx.Done():
		return ended(ctx, ctx.Err())
	}
}
