// SPDX-License-Identifier: Apache-2.0
import TestSupport

/// Where the things of a node under attack are.
public struct SoakPaths: Sendable {
    /// Configuration, socket, state and logs are in here.
    public let folder: String
    public let pinPath: String

    public var socket: String { "\(folder)/node.sock" }
    public var configurationFile: String { "\(folder)/node.yaml" }
    public var stateFolder: String { "\(folder)/state" }
    /// An object file with the programs of this build.
    var program: String { "\(folder)/fastpath.bpf.o" }
    public var stateLock: String { "/run/piccolo/\(pinPath.split(separator: "/").joined(separator: "-")).lock" }

    /// The file of a configuration that is applied by its name.
    func file(_ variant: SoakConfiguration.Variant) -> String { "\(folder)/\(variant.rawValue).yaml" }

    func text(_ variant: SoakConfiguration.Variant) -> String { SoakConfiguration(pinPath: pinPath).text(variant) }

    /// Writes what the daemon reads when it starts, and when it is told to.
    func write(_ variant: SoakConfiguration.Variant) throws {
        try text(variant).write(toFile: configurationFile, atomically: true, encoding: .utf8)
    }

    /// Runs a command that talks to the daemon.
    public func ask(_ arguments: [String]) throws -> CommandResult {
        try Piccolo.run(arguments + ["--socket", socket])
    }
}
