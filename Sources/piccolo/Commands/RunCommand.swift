// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Controller
import Northbound

struct RunCommand: AsyncParsableCommand {
    enum LogLevel: String, ExpressibleByArgument, CaseIterable { case trace, debug, info, notice, warning, error }

    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the node in the foreground until it is told to stop.",
        discussion: "SIGHUP reloads the configuration; SIGTERM and SIGINT stop the node.")
    @OptionGroup var configuration: ConfigurationOption
    @OptionGroup var socket: SocketOption
    @Flag(help: "Leave programs and tables in the kernel when the node stops: packets keep flowing.")
    var detachOnExit = false
    @Option(help: "How much the log says.")
    var logLevel = LogLevel.info

    func run() async throws {
        _ = try Configuration.read(configuration.config)
        throw CommandFailure(message: "this build holds no controller yet: `piccolo check` is all it can do with a configuration")
    }
}
