// SPDX-License-Identifier: Apache-2.0
import BPF

/// A fast-path program in the kernel, for users.
public struct ProgramDescription: Sendable, Hashable {
    /// SHA-256 of the object file in hex, as `sha256sum` prints it.
    public var digest: String
    /// Whether that is the program that is part of this one.
    public var isEmbedded: Bool
    /// Tells programs apart that were loaded from one file with other sizes or settings.
    public var build: UInt64
    /// The kernel's id, as `bpftool prog show id` takes it.
    public var id: UInt32
    /// First 8 bytes of the SHA-1 of the instructions, in hex.
    public var tag: String
    /// Nanoseconds from the machine's start to when it was loaded.
    public var loadTime: UInt64

    init(_ fastPath: FastPath) {
        digest = FastPathImage.text(fastPath.imageWords)
        isEmbedded = (try? FastPathImage.embedded.get())?.words == fastPath.imageWords
        build = fastPath.build
        let info = fastPath.programInfo("xdp_fastpath")
        (id, tag, loadTime) = (info?.id ?? 0, info?.tag ?? "", info?.loadTime ?? 0)
    }

    /// `program 71 (tag 9e01…, the built-in one)`; enough to tell which is meant.
    public var short: String {
        "program \(id) (\(isEmbedded ? "built in" : "file \(digest.prefix(12))"), tag \(tag))"
    }
}

/// A replacement of the fast path's program, and what came of it.
public struct ReplacementReport: Sendable, Hashable {
    public enum State: String, Sendable, Hashable {
        /// The new program forwards and is watched; the old one waits.
        case pending
        /// The new one was found good, and the old one is gone.
        case confirmed
        /// The old one forwards again, and the new one is gone.
        case reverted
    }

    /// A table whose content went into another one.
    public struct Move: Sendable, Hashable {
        /// The name of its limit in the configuration: `ipv4_flows`, `ipv6_flows`, `macs`, `routes`.
        public var table: String
        public var entries: Int
        /// Learned entries that were left out because they did not fit, or did not hold any more.
        public var left: Int
    }

    public var state = State.pending
    public var old: ProgramDescription
    public var new: ProgramDescription
    /// What was moved; all other tables are shared by both programs.
    public var moves: [Move] = []
    /// CLOCK_MONOTONIC, nanoseconds, of the switch.
    public var switched: UInt64
    /// When it was confirmed or reverted; nil while pending.
    public var ended: UInt64?
    /// Nanoseconds that loading took, moving content, and bringing along what was counted meanwhile. Packets were forwarded all
    /// the while.
    public var loading: UInt64 = 0
    public var moving: UInt64 = 0
    public var counting: UInt64 = 0
    /// What happened, for the log and for people.
    public var sentence = ""
}

/// How the trial of a new program has ended.
public enum ReplacementOutcome: Sendable, Hashable {
    case confirmed(String)
    case reverted(String)

    public var sentence: String {
        switch self {
        case .confirmed(let text), .reverted(let text): text
        }
    }
}

/// Why the fast path's program was not replaced: the old one goes on, with its tables as they were.
public enum ReplacementError: Error, Sendable, CustomStringConvertible {
    /// Tables of an earlier process, which nobody has compared with what is wanted yet.
    case notReconciled
    /// Another replacement has not been confirmed or reverted yet.
    case inProgress
    /// There is nothing to confirm or to revert.
    case notInProgress
    /// The running program was loaded from the same file with the same sizes.
    case alreadyRunning(digest: String)
    case image(FastPathImageError)
    /// The kernel refused: the verifier's log is part of the error.
    case kernel(BPFError)
    /// A smaller table does not take what must be in it. `limit` as in `ReplacementReport.Move`.
    case doesNotFit(limit: String, what: String, count: Int, capacity: Int)
    /// A setting that programs are bound to for as long as their tables exist.
    case fixed(setting: String)
    case table(ExactMatchError)
    case tree(PrefixTreeError)
    /// A port could not be switched over; those before it were switched back.
    case port(number: UInt16, BPFError)

    public var description: String {
        switch self {
        case .notReconciled: "the tables that were taken over have to be reconciled first"
        case .inProgress: "a program is being tried already; wait until that has been confirmed or reverted"
        case .notInProgress: "no program is being tried"
        case .alreadyRunning(let digest): "the program with SHA-256 \(digest) is running already, with these sizes"
        case .image(let error): error.description
        case .kernel(let error): "the new program was not loaded, and nothing was changed: \(error)"
        case .doesNotFit(let limit, let what, let count, let capacity):
            "limits.\(limit): \(count) \(what) do not fit into \(capacity); nothing was changed"
        case .fixed(let setting):
            "\(setting) cannot change while the tables stay; it takes effect when the node starts without them"
        case .table(let error): "the tables could not be moved, and nothing was changed: \(error)"
        case .tree(let error): "the routes could not be moved, and nothing was changed: \(error)"
        case .port(let number, let error):
            "port \(number) could not be given the new program, and all ports have the old one: \(error)"
        }
    }
}
