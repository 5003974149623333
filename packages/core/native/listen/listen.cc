// Keeps TensorFlow's server from strangers. The server has neither passwords nor encryption, and listens on all addresses:
// that is written into TensorFlow's library. This library is preloaded (LD_PRELOAD) into a process, so that the C library's
// bind and accept come through here. Once headshare_protect_server was called, one port listens on one address only, and
// connections from elsewhere than the members' addresses are closed before TensorFlow sees them. All other sockets of the
// process stay as they are. Linux only; elsewhere this library is empty.
#ifdef __linux__

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace {

// The protected port, in network order; 0: none.
std::atomic<in_port_t> port{0};
std::mutex lock;
in6_addr own;
std::vector<in6_addr> *members;

// IPv4 addresses become IPv6 addresses that stand for them (::ffff:a.b.c.d).
in6_addr Mapped(const in_addr &address) {
  in6_addr mapped{};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  std::memcpy(&mapped.s6_addr[12], &address, 4);
  return mapped;
}

bool Parse(const std::string &text, in6_addr *address) {
  in_addr four;
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) {
    *address = Mapped(four);
    return true;
  }
  return inet_pton(AF_INET6, text.c_str(), address) == 1;
}

bool Same(const in6_addr &one, const in6_addr &other) { return std::memcmp(&one, &other, sizeof one) == 0; }

// The address and port of an IPv4 or IPv6 socket address.
bool Read(const sockaddr *from, in6_addr *address, in_port_t *at) {
  if (from->sa_family == AF_INET) {
    const auto *four = reinterpret_cast<const sockaddr_in *>(from);
    *address = Mapped(four->sin_addr);
    *at = four->sin_port;
    return true;
  }
  if (from->sa_family != AF_INET6) return false;
  const auto *six = reinterpret_cast<const sockaddr_in6 *>(from);
  *address = six->sin6_addr;
  *at = six->sin6_port;
  return true;
}

bool IsAnyAddress(const in6_addr &address) {
  return IN6_IS_ADDR_UNSPECIFIED(&address) || Same(address, Mapped(in_addr{INADDR_ANY}));
}

bool IsProtected(int fd) {
  sockaddr_storage bound;
  socklen_t length = sizeof bound;
  in6_addr address;
  in_port_t at = 0;
  return port != 0 && getsockname(fd, reinterpret_cast<sockaddr *>(&bound), &length) == 0 &&
         Read(reinterpret_cast<sockaddr *>(&bound), &address, &at) && at == port;
}

bool IsMember(int fd) {
  sockaddr_storage peer;
  socklen_t length = sizeof peer;
  in6_addr address;
  in_port_t at;
  if (getpeername(fd, reinterpret_cast<sockaddr *>(&peer), &length) != 0) return false;
  if (!Read(reinterpret_cast<sockaddr *>(&peer), &address, &at)) return false;
  std::lock_guard<std::mutex> guard(lock);
  for (const auto &member : *members) {
    if (Same(member, address)) return true;
  }
  return false;
}

}  // namespace

extern "C" {

// `text` is the address of this process's server, whose port is `at`; `others` are the members' addresses, separated by
// blanks. May be called again. Returns whether all are IP addresses; else nothing changes.
__attribute__((visibility("default"))) bool headshare_protect_server(const char *text, int at, const char *others) {
  in6_addr parsed;
  if (!Parse(text, &parsed)) return false;
  auto *list = new std::vector<in6_addr>{parsed};
  std::istringstream words(others);
  for (std::string word; words >> word;) {
    in6_addr member;
    if (!Parse(word, &member)) {
      delete list;
      return false;
    }
    list->push_back(member);
  }
  std::lock_guard<std::mutex> guard(lock);
  delete members;
  members = list;
  own = parsed;
  port = htons(static_cast<uint16_t>(at));
  return true;
}

__attribute__((visibility("default"))) int bind(int fd, const sockaddr *address, socklen_t length) {
  in6_addr wanted;
  in_port_t at;
  if (port != 0 && Read(address, &wanted, &at) && at == port && IsAnyAddress(wanted)) {
    std::lock_guard<std::mutex> guard(lock);
    if (address->sa_family == AF_INET6) {
      sockaddr_in6 one = *reinterpret_cast<const sockaddr_in6 *>(address);
      one.sin6_addr = own;
      return syscall(SYS_bind, fd, &one, sizeof one);
    }
    sockaddr_in one = *reinterpret_cast<const sockaddr_in *>(address);
    if (!IN6_IS_ADDR_V4MAPPED(&own)) {
      errno = EADDRNOTAVAIL;
      return -1;
    }
    std::memcpy(&one.sin_addr, &own.s6_addr[12], 4);
    return syscall(SYS_bind, fd, &one, sizeof one);
  }
  return syscall(SYS_bind, fd, address, length);
}

__attribute__((visibility("default"))) int accept4(int fd, sockaddr *address, socklen_t *length, int flags) {
  const socklen_t room = length ? *length : 0;
  for (;;) {
    if (length) *length = room;
    const int made = syscall(SYS_accept4, fd, address, length, flags);
    if (made < 0 || !IsProtected(fd) || IsMember(made)) return made;
    close(made);
  }
}

__attribute__((visibility("default"))) int accept(int fd, sockaddr *address, socklen_t *length) {
  return accept4(fd, address, length, 0);
}

}  // extern "C"

#endif
