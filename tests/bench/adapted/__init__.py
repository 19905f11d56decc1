"""What adapting the encoder gains on public data sets, test splits for reporting only."""
