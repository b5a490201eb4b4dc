// SPDX-License-Identifier: Apache-2.0
#if Northbound
import ArgumentParser
import Glibc
import Northbound
import Tables

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Apply a configuration file: all of it, or nothing.",
        discussion: """
            What the file names is what it says from then on, whatever calls made of it; what only the file before it named is \
            removed. With --dry-run a line for each change, in the words of `piccolo entry`: + inserted, ~ modified, - deleted.
            """)
    @OptionGroup var socket: SocketOption
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Only say what would change.") var dryRun = false
    @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"])) var file: String

    func run() async throws {
        let text = try LineFile.text(of: file)
        let path = LineFile.absolute(file)
        let (report, names) = try await NodeClient.connect(to: socket.socket) { node in
            let names = try await Directory(of: node)
            return (try await node.apply(text: text, path: path, dryRun: dryRun), names)
        }
        Terminal.out(.changes(report, dryRun: dryRun, names: names), json: json)
    }
}

struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Every entry that calls have made different from the configuration in force, and when.",
        discussion: "A line for each, in the words of `piccolo entry`: + added, ~ changed, - deleted.")
    @OptionGroup var socket: SocketOption
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let (differences, file, names) = try await NodeClient.connect(to: socket.socket) { node in
            (try await node.differences(), try await node.status().configuration, try await Directory(of: node))
        }
        Terminal.out(.differences(differences, configuration: file, names: names), json: json)
    }
}

struct ReconcileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reconcile",
        abstract: "Compare programs, tables and links with what is wanted, and repair what is not so.",
        discussion: "Exit status 1 if something was not repaired, or with --dry-run was found.")
    @OptionGroup var socket: SocketOption
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Only say what is not as wanted.") var dryRun = false

    func run() async throws {
        let report = try await NodeClient.connect(to: socket.socket) { try await $0.reconcile(dryRun: dryRun) }
        Terminal.out(.reconciliation(report), json: json)
        if report.found > report.repaired { throw CommandFailure(message: nil) }
    }
}

struct ProgramCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "program", abstract: "The fast path's program.", subcommands: [Replace.self])

    struct Replace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put another program in the place of the one that runs, without losing a packet.",
            discussion: """
                The new one is watched for a while; if it does worse than the one before, that one comes back, and the exit \
                status is 1. The other build's object file is an ELF file as `piccolo run --program` takes it.
                """)
        @OptionGroup var socket: SocketOption
        @Flag(help: "Print JSON, an object a line.") var json = false
        @Argument(help: "The object file.", completion: .file(extensions: ["o"])) var file: String

        func run() async throws {
            let image = try LineFile.bytes(of: file)
            let verdict = try await NodeClient.connect(to: socket.socket) { [json] node in
                try await node.replaceProgram(image, name: LineFile.absolute(file)) { step in
                    Terminal.line(.programStep(step), json: json)
                }
            }
            Terminal.line(.verdict(verdict), json: json)
            if !verdict.isConfirmed { throw CommandFailure(message: nil) }
        }
    }
}
#endif
