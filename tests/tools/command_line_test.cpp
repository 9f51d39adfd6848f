#include "tools/pagoda/command_line.hpp"

#include <cstdio>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/pagoda/completion/bash.hpp"
#include "tools/pagoda/spelling.hpp"

namespace pagoda::tools {
namespace {

using testing::HasSubstr;

struct Output {
  int code;
  std::string out, err;
};

Output pagoda(std::vector<std::string> arguments) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = CommandTree().run(std::move(arguments));
  std::fflush(nullptr);
  return {code, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

std::vector<std::string> every_option(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::Option *option : app.get_options())
    for (const std::string &name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

TEST(CommandLine, OptionsEndAtTheProgram) {
  CommandTree tree;
  const CLI::App &run = *tree.app().get_subcommand("run");
  const auto ends = [&](std::vector<std::string> words) { return options_end(run, words); };
  EXPECT_EQ(ends({"prog", "--memory", "1G"}).end, 0u);
  EXPECT_EQ(ends({"--memory", "1G", "prog", "-x"}).end, 2u);
  EXPECT_EQ(ends({"--memory=1G", "prog"}).end, 1u);
  EXPECT_EQ(ends({"-m", "1G", "--stats", "prog"}).end, 3u); // --stats takes no word
  EXPECT_EQ(ends({"--stats=json", "--", "--odd-name"}).after, 2u);
  EXPECT_EQ(ends({"--bind", "/a:/b", "--bind", "/c:/d", "prog"}).end, 4u);
  EXPECT_EQ(ends({"--memory"}).end, 1u);
}

TEST(CommandLine, ErrorsNameWhatIsWrong) {
  EXPECT_THAT(pagoda({"run", "--memroy", "1G", "x"}).err, HasSubstr("did you mean --memory?"));
  EXPECT_THAT(pagoda({"run", "--memory"}).err, HasSubstr("--memory: a value is missing"));
  EXPECT_THAT(pagoda({"run", "--zzz", "x"}).err, HasSubstr("--zzz: no such option"));
  EXPECT_THAT(pagoda({"run"}).err, HasSubstr("no program was given"));
  EXPECT_THAT(pagoda({"dotcor"}).err, HasSubstr("did you mean `pagoda doctor`?"));
  EXPECT_THAT(pagoda({"./a.out"}).err, HasSubstr("pagoda run ./a.out"));
  EXPECT_THAT(pagoda({"doctor", "extra"}).err, HasSubstr("\"extra\" is one word too many"));
  EXPECT_THAT(pagoda({"doctor", "--edits", "many"}).err, HasSubstr("--edits"));
  EXPECT_THAT(pagoda({"completion", "fish"}).err, HasSubstr("pagoda completion bash"));
  for (const auto &words : std::vector<std::vector<std::string>>{
           {}, {"run"}, {"run", "--zzz", "x"}, {"nothing"}, {"run", "--memory", "1K", "x"}, {"completion"}})
    EXPECT_EQ(pagoda(words).code, 125);
}

TEST(CommandLine, EveryCommandHasHelpWithExamples) {
  for (const Command &command : commands()) {
    const Output help = pagoda({std::string(command.name), "--help"});
    EXPECT_EQ(help.code, 0);
    EXPECT_THAT(help.out, HasSubstr("Usage: pagoda " + std::string(command.name)));
    EXPECT_THAT(help.out, HasSubstr("Examples:"));
    EXPECT_THAT(pagoda({"--help"}).out, HasSubstr(std::string(command.summary)));
  }
}

TEST(CommandLine, HelpShowsWhatAnOptionTakes) {
  const std::string help = pagoda({"run", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("--stats[=text|json]"));
  EXPECT_THAT(help, HasSubstr("-m,--memory SIZE"));
  EXPECT_EQ(help.find("\n\n\n"), std::string::npos);
}

TEST(CommandLine, Version) {
  EXPECT_EQ(pagoda({"--version"}).out, "pagoda 0.1.0\n");
  EXPECT_EQ(pagoda({"version"}).out, "pagoda 0.1.0\n");
}

TEST(Completion, ListsEveryOptionOfEveryCommand) {
  CommandTree tree;
  const std::string script = bash_completion(tree.app());
  for (const Command &command : commands()) {
    EXPECT_THAT(script, HasSubstr("    " + std::string(command.name) + ")"));
    for (const std::string &name : every_option(*tree.app().get_subcommand(std::string(command.name))))
      EXPECT_THAT(script, HasSubstr(name)) << command.name;
  }
}

// The script itself, in a real bash.
TEST(Completion, WorksInBash) {
  const std::string path = testing::TempDir() + "pagoda-completion.bash";
  FILE *file = std::fopen(path.c_str(), "w");
  ASSERT_NE(file, nullptr);
  CommandTree tree;
  std::fputs(bash_completion(tree.app()).c_str(), file);
  std::fputs("try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _pagoda; echo \"${COMPREPLY[*]}\"; }\n"
             "try pagoda ru\n"
             "try pagoda run --mem\n"
             "try pagoda run --net h\n"
             "try pagoda doctor --js\n"
             "try pagoda run --memory 1G --ba\n"
             "try pagoda completion b\n"
             "pagoda() { [ \"$*\" = 'ps --quiet' ] && printf '%s\\n' 4711 web-1 web-2; }\n"
             "try pagoda stat web\n"
             "try pagoda buddyinfo --fr\n",
             file);
  std::fclose(file);
  FILE *bash = ::popen(("bash --norc " + path).c_str(), "r");
  ASSERT_NE(bash, nullptr);
  std::string out(4096, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), bash));
  EXPECT_EQ(::pclose(bash), 0);
  std::remove(path.c_str());
  EXPECT_EQ(out, "run\n--memory\nhost\n--json\n--backing\nbash\nweb-1 web-2\n--fragmentation\n");
}

TEST(Spelling, Distance) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  const std::vector<std::string> names{"run", "doctor"};
  EXPECT_EQ(nearest("rnu", names), std::nullopt); // two of three letters differ
  EXPECT_EQ(nearest("docter", names), "doctor");
}

} // namespace
} // namespace pagoda::tools
