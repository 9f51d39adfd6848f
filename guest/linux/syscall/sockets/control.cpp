#include "guest/linux/syscall/sockets/control.hpp"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

namespace pagoda::kernel::sockets {
namespace {

constexpr std::size_t kHeader = CMSG_LEN(0);
static_assert(kHeader == sizeof(cmsghdr));

void append(std::vector<std::byte> &out, int level, int type, std::span<const std::byte> data) {
  cmsghdr header{};
  header.cmsg_len = CMSG_LEN(data.size());
  header.cmsg_level = level;
  header.cmsg_type = type;
  std::size_t at = out.size();
  out.resize(at + CMSG_SPACE(data.size()));
  std::memcpy(out.data() + at, &header, sizeof header);
  std::memcpy(out.data() + at + kHeader, data.data(), data.size());
}

std::expected<void, int> pass_descriptors(Call &call, std::span<const std::byte> data, OutgoingControl &out) {
  std::vector<int> fds(data.size() / sizeof(int));
  if (fds.size() + out.tokens.size() > kMostDescriptorsPassed) return std::unexpected(EINVAL);
  std::memcpy(fds.data(), data.data(), fds.size() * sizeof(int));
  for (int &fd : fds) {
    auto file = files::file_of(call, fd);
    if (!file) return std::unexpected(EBADF);
    UniqueFd token = call.kernel.mounts().passed_files().send(std::move(file));
    if (!token.valid()) return std::unexpected(ETOOMANYREFS);
    fd = token.get();
    out.tokens.push_back(std::move(token));
  }
  append(out.bytes, SOL_SOCKET, SCM_RIGHTS, std::as_bytes(std::span(fds)));
  return {};
}

// Options of one datagram that mean the same inside.
bool harmless(int level, int type) {
  if (level == IPPROTO_IP) return type == IP_TTL || type == IP_TOS || type == IP_PKTINFO;
  return level == IPPROTO_IPV6 && (type == IPV6_PKTINFO || type == IPV6_HOPLIMIT || type == IPV6_TCLASS);
}

std::expected<void, int> translate(Call &call, const cmsghdr &header, std::span<const std::byte> data,
                                   OutgoingControl &out) {
  if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS) return pass_descriptors(call, data, out);
  // The host adds Pagoda's own credentials where they are wanted; the receiver sees its guest's.
  if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_CREDENTIALS) return {};
  if (!harmless(header.cmsg_level, header.cmsg_type)) return std::unexpected(EINVAL);
  append(out.bytes, header.cmsg_level, header.cmsg_type, data);
  return {};
}

// Installs the descriptors that arrived; those the guest has no room for are dropped, as on Linux.
std::vector<int> receive_descriptors(Call &call, std::span<const std::byte> data, std::size_t fit,
                                     const IncomingRequest &request, bool &truncated) {
  std::vector<int> installed;
  for (std::size_t i = 0; i < data.size() / sizeof(int); ++i) {
    int token = -1;
    std::memcpy(&token, data.data() + i * sizeof(int), sizeof token);
    UniqueFd owned(token);
    auto file = call.kernel.mounts().passed_files().receive(token, request.peek);
    int fd = file && installed.size() < fit ? call.process.fds->install(std::move(file), request.cloexec) : -1;
    if (fd >= 0)
      installed.push_back(fd);
    else
      truncated = true;
  }
  return installed;
}

} // namespace

std::expected<OutgoingControl, int> load_control(Call &call, Gva from, std::uint64_t length) {
  OutgoingControl out;
  if (length == 0 || from.value() == 0) return out;
  if (length > kLargestControl) return std::unexpected(ENOBUFS);
  std::vector<std::byte> raw(length);
  if (fault::copy_in(*call.process.space, from, raw) != length) return std::unexpected(EFAULT);
  for (std::size_t at = 0; at + kHeader <= raw.size();) {
    cmsghdr header{};
    std::memcpy(&header, raw.data() + at, sizeof header);
    if (header.cmsg_len < kHeader || header.cmsg_len > raw.size() - at) return std::unexpected(EINVAL);
    auto data = std::span<const std::byte>(raw).subspan(at + kHeader, header.cmsg_len - kHeader);
    if (auto done = translate(call, header, data, out); !done) return std::unexpected(done.error());
    at += CMSG_ALIGN(header.cmsg_len);
  }
  return out;
}

std::expected<std::uint64_t, int> store_control(Call &call, msghdr &message, const IncomingRequest &request) {
  std::vector<std::byte> out;
  bool truncated = false;
  for (cmsghdr *header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    std::span data(reinterpret_cast<const std::byte *>(CMSG_DATA(header)), header->cmsg_len - kHeader);
    std::size_t room = request.room > out.size() ? request.room - out.size() : 0;
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
      std::size_t fit = room > kHeader ? (room - kHeader) / sizeof(int) : 0;
      std::vector<int> fds = receive_descriptors(call, data, fit, request, truncated);
      if (!fds.empty()) append(out, SOL_SOCKET, SCM_RIGHTS, std::as_bytes(std::span(fds)));
      continue;
    }
    if (CMSG_LEN(data.size()) > room) {
      truncated = true;
      continue;
    }
    if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_CREDENTIALS) {
      const Credentials &who = call.process.credentials;
      const ucred virtual_ids{pid_t(call.process.pid()), who.euid, who.egid};
      append(out, SOL_SOCKET, SCM_CREDENTIALS, std::as_bytes(std::span(&virtual_ids, 1)));
    } else {
      append(out, header->cmsg_level, header->cmsg_type, data);
    }
  }
  if (truncated) message.msg_flags |= MSG_CTRUNC;
  // The last one may lack its padding in the guest's buffer.
  std::size_t size = std::min<std::size_t>(out.size(), request.room);
  auto part = std::span(out).first(size);
  if (fault::copy_out(*call.process.space, request.to, part) != part.size()) return std::unexpected(EFAULT);
  return size;
}

} // namespace pagoda::kernel::sockets
