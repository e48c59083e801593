public import ArgumentParser
public import Configuration

/// `--log-level debug`; the help lists the levels by itself.
extension Configuration.Log.Level: ExpressibleByArgument {}
