"""The wheel: what is in it, that it works by itself, and what its build says where it cannot be made."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
PACKAGE = HERE.parent
BUILD = pathlib.Path(os.environ["BURR_BUILD"])
LIBRARY = "burr_collector/lib/libburr.so.0"


def plain_environment(**variables):
    """Without what leads the tests to the build's library and package."""
    ours = ("BURR_LIBRARY", "PYTHONPATH", "PKG_CONFIG_PATH")
    return {**{k: v for k, v in os.environ.items() if k not in ours}, **variables}


def hatchling(*args, source=PACKAGE, **variables):
    command = [sys.executable, "-m", "hatchling", "build", *args]
    environment = plain_environment(**variables)
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=300)


def members(wheel):
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


class Wheel(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="burr-wheel-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def build(self, *args, **options):
        built = hatchling(*args, "-d", self.folder / "dist", **options)
        self.assertEqual(built.returncode, 0, built.stdout + built.stderr)
        (made,) = (self.folder / "dist").iterdir()
        return made

    def install(self, wheel):
        """Beside this environment's Burr; its folder."""
        site = self.folder / "site"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", site, wheel]
        subprocess.run(pip, check=True, env=plain_environment(), timeout=120)
        return site

    def path_without(self, *names):
        """A PATH with what a build calls, but for these."""
        folder = self.folder / "path"
        folder.mkdir()
        for name in {"cc", "cmake", "ninja", "sh", "uname", "pkg-config"} - set(names):
            found = shutil.which(name)
            if found:
                (folder / name).symlink_to(os.path.realpath(found))
        return str(folder)

    def test_the_wheel_holds_the_library_and_works_by_itself(self):
        wheel = self.build("-t", "wheel")
        self.assertRegex(wheel.name, r"^burr_collector-[0-9.]+-py3-none-linux_\w+\.whl$")
        self.assertLessEqual({LIBRARY, "burr_collector/py.typed", "burr_collector/client.py"}, members(wheel))
        self.assertEqual([name for name in members(wheel) if "test" in name], [])
        site = self.install(wheel)
        environment = plain_environment(PYTHONPATH=str(site), HOME=str(self.folder))
        program = [sys.executable, PACKAGE / "examples" / "counter.py"]
        ran = subprocess.run(program, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual(len(list((self.folder / ".burr" / "demo_python_counter").iterdir())), 1)
        command = subprocess.run([site / "bin" / "burr-collector", "--version"], env=environment, capture_output=True, text=True)
        self.assertRegex(command.stdout, r"^burr \d")
        self.assertEqual(sorted(path.name for path in (site / "bin").iterdir()), ["burr-collector"])

    def test_a_source_distribution_makes_the_same_wheel(self):
        archive = self.build("-t", "sdist")
        subprocess.run(["tar", "-xf", archive, "-C", self.folder], check=True)
        archive.unlink()
        (source,) = self.folder.glob("burr_collector-*")
        self.assertIn(LIBRARY, members(self.build("-t", "wheel", source=source)))

    def test_the_library_that_burr_library_names_is_taken(self):
        built = BUILD / "lib" / "libburr.so.0"
        wheel = self.build("-t", "wheel", BURR_LIBRARY=str(built), PATH=self.path_without("cc", "cmake"))
        with zipfile.ZipFile(wheel) as file:
            self.assertEqual(file.read(LIBRARY), built.read_bytes())
        built = hatchling("-t", "wheel", "-d", self.folder, BURR_LIBRARY="/nowhere/libburr.so.0")
        self.assertIn("BURR_LIBRARY names /nowhere/libburr.so.0, and there is no such file", built.stderr)

    def test_an_installed_library_is_found_where_none_can_be_compiled(self):
        prefix = self.folder / "prefix"
        install = ["cmake", "--install", BUILD / "agent", "--prefix", prefix]
        subprocess.run(install, check=True, capture_output=True, timeout=120)
        (pc,) = prefix.glob("lib*/**/burr.pc")
        variables = {"PATH": self.path_without("cc"), "PKG_CONFIG_PATH": str(pc.parent)}
        wheel = self.build("-t", "wheel", **variables)
        self.assertIn(LIBRARY, members(wheel))

    def test_no_compiler_and_no_library(self):
        built = hatchling("-t", "wheel", "-d", self.folder, PATH=self.path_without("cc", "pkg-config"), CC="")
        self.assertNotEqual(built.returncode, 0)
        for part in ("libburr cannot be built: there is no C compiler", "apt-get install", "BURR_LIBRARY="):
            self.assertIn(part, built.stderr)
        self.assertNotIn("Traceback", built.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
