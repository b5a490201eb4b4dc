// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Controller
import Store

struct StateOption: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("Where the node remembers what is wanted.", valueName: "directory"),
        completion: .directory)
    var stateDir = "/var/lib/piccolo"

    /// The node's memory. One that cannot be used is no reason not to run: the node is degraded then, and says so.
    ///
    /// - Throws: if another process has it.
    func open(node: String) throws -> any NodeStore {
        do {
            return try SQLiteStore.open(directory: stateDir, node: node)
        } catch {
            if case .held = error { throw CommandFailure(message: "\(error)") }
            return UnavailableStore(error)
        }
    }

    /// What an earlier run left in the memory, and the configuration it had, as far as they can be read.
    func earlier() -> (node: StoredNode?, configuration: Configuration?) {
        guard let node = try? SQLiteStore.openReader(directory: stateDir).load({ _ in }) else { return (nil, nil) }
        let file = node.configuration.flatMap { try? ConfigurationFile(text: $0.text, path: $0.path) }
        return (node, file?.configuration)
    }

    /// The configuration applied last.
    func remembered() throws -> ConfigurationFile {
        func failure(_ why: String) -> CommandFailure {
            CommandFailure(message: "no configuration is remembered in \(stateDir)\(why); give one with --config FILE")
        }
        let node: StoredNode
        do { node = try SQLiteStore.openReader(directory: stateDir).load { _ in } } catch {
            throw failure(": \(error)")
        }
        guard let source = node.configuration else { throw failure("") }
        do { return try ConfigurationFile(text: source.text, path: source.path) } catch {
            throw failure(", or none this program understands: \(error)")
        }
    }
}
