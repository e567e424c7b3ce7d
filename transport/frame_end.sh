
)
echo "$farmwall_frame end $?"
