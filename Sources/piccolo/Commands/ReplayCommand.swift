// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Controller
import Northbound

struct ReplayCommand: AsyncParsableCommand {
    enum Through: String, CaseIterable { case reference, xdp }

    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Put the packets of captures through data planes and say what each does with them.",
        discussion: """
            Ethernet captures, pcap and pcapng; of a damaged file what is readable is used. With --compare every \
            difference between the data planes is printed, and the exit status is 1 if there is one.
            """)
    @Argument(help: "Capture files.", completion: .file(extensions: ["pcap", "pcapng", "cap"]))
    var captures: [String]
    @OptionGroup var configuration: ConfigurationOption
    @Option(
        help: ArgumentHelp("Data planes, with commas between.", valueName: "reference,xdp"),
        completion: .list(["reference", "xdp", "reference,xdp"]),
        transform: Self.dataPlanes)
    var through: [Through] = [.reference]
    @Flag(help: "Compare the data planes packet by packet.")
    var compare = false
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if captures.isEmpty { throw ValidationError("name at least one capture file") }
        if compare, through.count < 2 {
            throw ValidationError("--compare needs two data planes: --through reference,xdp")
        }
    }

    static func dataPlanes(_ text: String) throws -> [Through] {
        var list: [Through] = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let through = Through(rawValue: String(name)), !list.contains(through) else {
                throw ValidationError("--through cannot be \"\(text)\"; expected reference, xdp or reference,xdp")
            }
            list.append(through)
        }
        return list
    }

    func run() async throws {
        _ = try Configuration.read(configuration.config)
        throw CommandFailure(message: "this build holds no data plane to replay through yet")
    }
}
