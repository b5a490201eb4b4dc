// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Controller
import Northbound
import Store

/// What an operator does with a node's memory; none of it needs a daemon.
struct StateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state", abstract: "What the node remembers: look at it, take it along, replace it.",
        subcommands: [Check.self, Export.self, Import.self, Claim.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look at everything that is stored and say what is wrong with it; beside a running node too.")
        @OptionGroup var state: StateOption
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let report = SQLiteStore.check(directory: state.stateDir)
            Terminal.out(.state(report), json: json)
            if !report.isSound { throw CommandFailure(message: nil) }
        }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the configuration with all that calls have changed, as a file to be applied.",
            discussion: """
                Works beside a running node. If no call has changed anything it is the file that was applied, comments and all. \
                What a file cannot say stands in comments at its top and on standard error, and the exit status is 1.
                """)
        @OptionGroup var state: StateOption
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let memory = try Memory(directory: state.stateDir)
            let export = try memory.export()
            Terminal.out(export.listing, json: json)
            guard export.unsaid.isEmpty else {
                for sentence in export.unsaid { Terminal.error("piccolo: not in the file: \(sentence)") }
                throw CommandFailure(message: nil)
            }
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a file the configuration applied last, and forget what calls had changed.",
            discussion: """
                The file is checked as by `piccolo check`. Not while a node runs: there it is `piccolo apply`. What was stored \
                before stays beside it as node.db.before-import.
                """)
        @OptionGroup var state: StateOption
        @Flag(help: "Print JSON.") var json = false
        @Argument(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"])) var file: String

        func run() throws {
            var imported = try ConfigurationFile.read(file)
            imported.source.path = LineFile.absolute(file)
            let forgotten = try Memory.replace(directory: state.stateDir, with: imported)
            Terminal.out(.imported(imported.source.path, into: state.stateDir, forgotten: forgotten), json: json)
        }
    }

    struct Claim: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make what another node or machine stored this node's.",
            discussion: "Not while a node runs. For a memory that was copied, restored, or whose node has a new name.")
        @OptionGroup var state: StateOption
        @Flag(help: "Print JSON.") var json = false
        @Option(help: ArgumentHelp("The node's name; by default the one it had.", valueName: "name"))
        var node: String?

        func run() throws {
            let name = try node ?? Memory(directory: state.stateDir).nodeName
            let owner: String?
            do { owner = try SQLiteStore.claim(directory: state.stateDir, node: name) } catch {
                throw CommandFailure(message: "\(error)")
            }
            Terminal.out(.claimed(state.stateDir, by: name, from: owner), json: json)
        }
    }
}
