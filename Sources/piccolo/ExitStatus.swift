// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Northbound

/// How the command ends. The numbers are documented in Docs/cli.md.
struct ExitStatus: Equatable {
    static let failed: Int32 = 1
    static let usage: Int32 = 2
    static let noDaemon: Int32 = 3

    var code: Int32
    /// For standard error; for standard output if the code is 0; nil: all has been said.
    var message: String?

    init(code: Int32, message: String?) { (self.code, self.message) = (code, message) }

    init(of error: any Error) {
        switch error {
        case let error as CommandFailure:
            self.init(code: Self.failed, message: error.message.map { "piccolo: \($0)" })
        case let error as NodeError:
            let code = if case .noDaemon = error { Self.noDaemon } else { Self.failed }
            self.init(code: code, message: "piccolo: \(error)")
        case let error as SyntaxError:
            self.init(code: Self.usage, message: "piccolo: \(error)")
        default:
            let text = Piccolo.fullMessage(for: error)
            switch Piccolo.exitCode(for: error) {
            case .success: self.init(code: 0, message: text)
            case .validationFailure: self.init(code: Self.usage, message: text)
            case let other where error is ExitCode: self.init(code: other.rawValue, message: nil)
            default: self.init(code: Self.failed, message: "piccolo: \(error)")
            }
        }
    }
}

/// A command did not do what it should.
struct CommandFailure: Error {
    /// nil: it has been printed already.
    var message: String?
}
