// SPDX-License-Identifier: Apache-2.0
import Controller
import Northbound
import Store

/// Everything a node remembers, read from its directory.
struct Memory {
    let directory: String
    let node: StoredNode
    let amendments: [Amendment]
    /// Whose it is, and the machine it was written on.
    let owner: String?
    let machine: String?

    init(directory: String) throws {
        self.directory = directory
        var amendments: [Amendment] = []
        do throws(StoreProblem) {
            let reader = try SQLiteStore.openReader(directory: directory)
            node = try reader.load { amendments.append($0) }
            (owner, machine) = (reader.owner, reader.machine)
        } catch {
            throw CommandFailure(message: "\(error)")
        }
        self.amendments = amendments
    }

    /// By whom it was written, or by the configuration it holds.
    var nodeName: String {
        let parsed = node.configuration.flatMap { try? ConfigurationFile(text: $0.text, path: $0.path) }
        return owner ?? parsed?.configuration.node.name ?? Configuration().node.name
    }

    /// The configuration as a file, with what calls have changed.
    func export() throws -> ExportedConfiguration {
        guard let source = node.configuration else {
            throw CommandFailure(message: "no configuration is stored in \(directory); there is nothing to export")
        }
        guard !amendments.isEmpty else { return ExportedConfiguration(text: source.text, path: source.path) }
        let file: ConfigurationFile
        do { file = try ConfigurationFile(text: source.text, path: source.path) } catch {
            throw CommandFailure(
                message: "the configuration stored in \(directory) is none this program understands: \(error)")
        }
        let amended = file.configuration.amended(
            by: amendments, identities: node.identities, facts: facts(for: file.configuration))
        let text = ConfigurationWriter.text(of: amended.configuration)
        var unsaid = amended.unsaid.map(\.description)
        if let error = Self.complaints(about: text) { unsaid.append("the file is not accepted as it is: \(error)") }
        let head =
            ["# \(source.path) with what calls have changed, as of revision \(node.revision)."]
            + (unsaid.isEmpty ? [] : ["# Not in this file, because it cannot be said in one:"])
            + unsaid.flatMap { Paragraph.lines($0, first: "# - ", rest: "#   ") }
        return ExportedConfiguration(
            text: (head + [""]).joined(separator: "\n") + "\n" + text, path: source.path, unsaid: unsaid)
    }

    /// The host's addresses, if this is the host: the machine that wrote this, with all interfaces that the file names.
    private func facts(for configuration: Configuration) -> HostFacts? {
        guard machine == MachineID.current(), var observer = try? HostObserver(), let facts = try? observer.facts()
        else {
            return nil
        }
        let names = configuration.ports.flatMap { [$0.interface] + $0.subinterfaces.map(\.interface) }
        return names.allSatisfy { facts.interfaces[$0] != nil } ? facts : nil
    }

    private static func complaints(about text: String) -> ConfigurationError? {
        do throws(ConfigurationError) {
            _ = try Configuration.parse(text, file: "export")
            return nil
        } catch {
            return error
        }
    }

    /// Makes a file the configuration applied last, and nothing else is remembered but the numbers given to names.
    ///
    /// - Returns: how many entries that calls had changed are forgotten.
    static func replace(directory: String, with file: ConfigurationFile) throws -> Int {
        var change = StoreChange()
        change.configuration = file.source
        var forgotten = 0
        // So that the tables a daemon left are taken over under the same numbers.
        if let before = try? Memory(directory: directory), before.owner == file.configuration.node.name {
            change.identities = before.node.identities
            change.shadows = before.node.shadows.mapValues { shadow in
                .init(marker: shadow.marker, records: shadow.records.mapValues { $0 })
            }
            forgotten = before.amendments.count
        }
        do throws(StoreProblem) {
            try SQLiteStore.replace(directory: directory, node: file.configuration.node.name, with: [change])
        } catch {
            throw CommandFailure(message: "\(error)")
        }
        return forgotten
    }
}

/// A node's configuration as a file.
struct ExportedConfiguration {
    var text: String
    /// Of the file it is made of.
    var path: String
    /// What the text does not say, in sentences.
    var unsaid: [String] = []
}
