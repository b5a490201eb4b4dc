// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Controller
import Northbound

#if Northbound
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Have the daemon read its configuration again: all of it applies, or none.")
    @OptionGroup var socket: SocketOption
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let report = try await NodeClient.connect(to: socket.socket) { try await $0.reload() }
        Terminal.out(.reload(report), json: json)
    }
}

struct CardAcknowledgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge",
        abstract: "Have the daemon forget what its card complained of and is over: alarms, resets, lost counts.",
        discussion: "What is still wrong is seen again within a second.")
    @OptionGroup var socket: SocketOption
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        let forgotten = try await NodeClient.connect(to: socket.socket) { try await $0.acknowledgeCard() }
        Terminal.out(.acknowledged(forgotten), json: json)
    }
}

struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "stop", abstract: "End the daemon.")
    @OptionGroup var socket: SocketOption
    @Flag(help: "Leave programs and tables in the kernel: packets keep flowing until the next daemon adopts them.")
    var keep = false

    func run() async throws {
        try await NodeClient.connect(to: socket.socket) { try await $0.shutdown(keep: keep) }
    }
}
#endif

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Check a configuration file; says all that is wrong with it, changes nothing.")
    @OptionGroup var configuration: ConfigurationOption

    func run() throws {
        let parsed = try Configuration.read(configuration.config)
        Terminal.out(
            "\(configuration.config) is right: \(parsed.ports.count) ports, \(parsed.vlans.count) VLANs, "
                + "\(parsed.routes.count) routes, \(parsed.acl.count) ACL entries, \(parsed.flows.count) static flows")
    }
}

extension Configuration {
    /// Reads a file for a command; complaints end the command.
    static func read(_ path: String) throws -> Configuration { try ConfigurationFile.read(path).configuration }
}

extension ConfigurationFile {
    /// Reads a file for a command; complaints end the command.
    static func read(_ path: String) throws -> ConfigurationFile {
        let text = try LineFile.text(of: path)
        do {
            return try ConfigurationFile(text: text, path: path)
        } catch {
            // One a line as compilers print them, so that editors can follow.
            Terminal.error(error.description)
            let count = error.complaints.count
            throw CommandFailure(
                message: "\(path) cannot be used: \(count) complaint\(count == 1 ? "" : "s"); nothing was changed")
        }
    }
}

struct CompletionsCommand: ParsableCommand {
    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print the completion script of a shell.",
        discussion: "bash: piccolo completions bash > /etc/bash_completion.d/piccolo")
    @Argument(help: "The shell.") var shell: Shell

    func run() throws {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Terminal.out(Piccolo.completionScript(for: kind))
    }
}
