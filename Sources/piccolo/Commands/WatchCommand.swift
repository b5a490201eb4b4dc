// SPDX-License-Identifier: Apache-2.0
#if Northbound
import ArgumentParser
import Northbound
import Synchronization

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Rates, the share decided in the fast path, drops by reason and table fill, as they change.",
        discussion: """
            On a terminal one page that is drawn anew each interval; elsewhere, or with --plain, one line an interval; \
            with --json one JSON object a line. Ends with Ctrl-C, or after --count intervals.
            """)
    @OptionGroup var socket: SocketOption
    @Option(help: ArgumentHelp("Seconds between two looks, 0.1 to 3600.", valueName: "seconds"))
    var interval = 1.0
    @Option(help: ArgumentHelp("Stop after this many intervals; 0: never.", valueName: "number"))
    var count = 0
    @Flag(help: "One line an interval, on a terminal as well.")
    var plain = false
    @Flag(help: "Print one JSON object an interval.")
    var json = false

    func validate() throws {
        guard (0.1...3600).contains(interval) else {
            throw ValidationError("--interval cannot be \(interval); expected 0.1 to 3600 seconds")
        }
        guard count >= 0 else { throw ValidationError("--count cannot be \(count); expected 0 (no end) or more") }
    }

    func run() async throws {
        let page = Terminal.isInteractive && !plain && !json
        let style = Terminal.style
        let progress = Mutex(Progress())
        try await NodeClient.connect(to: socket.socket) { node in
            let names = try await Directory(of: node)
            try await node.watch(every: UInt32((interval * 1000).rounded())) { statistics in
                progress.withLock { progress in
                    let view = WatchView(previous: progress.previous, current: statistics)
                    let first = progress.previous == nil
                    progress.previous = statistics
                    if page {
                        draw(view.page(names: names, style: style), over: &progress.lines)
                    } else if !first {
                        Terminal.out(json ? view.json(names: names).line : view.line(names: names))
                    }
                    if !first { progress.intervals += 1 }
                    return count == 0 || progress.intervals < count
                }
            }
        }
    }

    private struct Progress {
        var previous: NodeStatistics?
        var intervals = 0
        /// Of the page on the terminal.
        var lines = 0
    }

    /// Draws over the page before. Nothing is hidden or changed of the terminal, so an interrupt leaves nothing to mend.
    private func draw(_ page: [String], over lines: inout Int) {
        let visible = page.prefix(max(1, Terminal.rows - 1))
        let up = lines > 0 ? "\u{1b}[\(lines)A" : ""
        Terminal.write(up + "\r\u{1b}[J" + visible.joined(separator: "\n") + "\n")
        lines = visible.count
    }
}
#endif
