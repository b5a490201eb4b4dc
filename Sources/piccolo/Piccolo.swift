// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import Northbound

@main
struct Piccolo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "piccolo",
        abstract: "A programmable packet node: runs it, looks into it, changes its tables.",
        discussion: """
            Exit status: 0 done; 1 it failed, or a difference was found; 2 the command was not understood; \
            3 no daemon answers.
            """,
        version: Version.text,
        subcommands: subcommands)

    private static var subcommands: [any ParsableCommand.Type] {
        var commands: [any ParsableCommand.Type] = [RunCommand.self, CheckCommand.self, ReplayCommand.self]
        #if Northbound
        commands += [
            StatusCommand.self, PortCommand.self, TableCommand.self, EntryCommand.self, FlowCommand.self,
            WatchCommand.self, StatsCommand.self, ReloadCommand.self, ApplyCommand.self, DiffCommand.self,
            ReconcileCommand.self, ProgramCommand.self, StopCommand.self,
        ]
        #endif
        return commands + [CardCommand.self, StateCommand.self, CompletionsCommand.self]
    }

    static func main() async {
        // A pipe whose reader went away ends the command as it does any other.
        signal(SIGPIPE, SIG_DFL)
        let status: ExitStatus
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            status = ExitStatus(code: 0, message: nil)
        } catch {
            status = ExitStatus(of: error)
        }
        if let message = status.message {
            status.code == 0 ? Terminal.out(message) : Terminal.error(message)
        }
        Glibc.exit(status.code)
    }
}

enum Version {
    static let text = "0.1.0"
}
