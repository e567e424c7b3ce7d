package tasks

import (
	"context"
	"sync"
	"sync/atomic"
)

// each calls do for every item, at most forks of them at a time, and returns
// the results in the items' order. It is the only place where hosts get
// goroutines: there are never more than forks, however many items wait. Once
// ctx has ended no new item is started; skipped says what becomes of those.
func each[T, R any](ctx context.Context, forks int, items []T, do func(context.Context, T) R, skipped func(T) R) []R {
	out := make([]R, len(items))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(max(forks, 1), len(items)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(items); i = int(next.Add(1)) - 1 {
				if ctx.Err() != nil {
					out[i] = skipped(items[i])
				} else {
					out[i] = do(ctx, items[i])
				}
			}
		})
	}
	workers.Wait()
	return out
}

// alongside runs watch beside do, and ends watch's context when do is back. It
// returns when both are.
func alongside(ctx context.Context, watch func(context.Context), do func() error) error {
	ctx, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { watch(ctx) })
	err := do()
	stop()
	watcher.Wait()
	return err
}
