// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

struct PiccoloFuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuzz", abstract: "Random packets, and kills at random instants, against the fast path.",
        subcommands: [FuzzCommand.self, CardCommand.self, KillCommand.self, WriteCommand.self],
        defaultSubcommand: FuzzCommand.self)
}

PiccoloFuzz.main()
