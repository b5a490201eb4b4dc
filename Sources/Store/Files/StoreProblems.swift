// SPDX-License-Identifier: Apache-2.0
import Controller
import GRDB
import GRDBSQLite
import Glibc

extension StoreProblem {
    /// Of a failed system call.
    static func system(_ number: Int32, _ call: String, _ place: StorePlace) -> StoreProblem {
        switch number {
        case ENOSPC, EDQUOT: .full(path: place.directory)
        case EROFS, EACCES, EPERM: .readOnly(path: place.directory)
        default: .failed(path: place.directory, what: "\(call): \(String(cString: strerror(number)))")
        }
    }

    /// Of a failure of SQLite.
    ///
    /// - Parameter number: errno as SQLite remembers it, 0 if it does not.
    static func sqlite(
        _ code: Int32, _ message: String?, errno number: Int32, _ place: StorePlace
    ) -> StoreProblem {
        let path = place.directory
        var words = "\(message ?? String(cString: sqlite3_errstr(code))) (SQLite error \(code)"
        words += number == 0 ? ")" : ", \(String(cString: strerror(number))))"
        if code == readOnlyMoved { return .missing(path: path) }
        switch code & 0xff {
        case SQLITE_FULL: return .full(path: path)
        case SQLITE_READONLY: return .readOnly(path: path)
        case SQLITE_CORRUPT, SQLITE_NOTADB: return .corrupt(path: path, what: words)
        case SQLITE_BUSY, SQLITE_LOCKED: return .held(path: path, holder: "unknown, which writes to it")
        case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PERM:
            if number != 0, case let problem = system(number, "", place) {
                if case .failed = problem {} else { return problem }
            } else if let obstacle = place.obstacle {
                return obstacle
            }
            return .failed(path: path, what: words)
        default: return .failed(path: path, what: words)
        }
    }

    /// SQLITE_READONLY_DBMOVED.
    private static var readOnlyMoved: Int32 { SQLITE_READONLY | 4 << 8 }

    init(_ error: any Error, _ place: StorePlace, errno number: Int32 = 0) {
        switch error {
        case let problem as StoreProblem: self = problem
        case let error as DatabaseError:
            self = .sqlite(error.extendedResultCode.rawValue, error.message, errno: number, place)
        case let damage as RowDamage: self = .corrupt(path: place.directory, what: damage.description)
        default: self = .failed(path: place.directory, what: "\(error)")
        }
    }

    /// Whether what is stored may be fine and only cannot be written.
    var leavesContentReadable: Bool {
        switch self {
        case .readOnly, .full: true
        default: false
        }
    }
}
